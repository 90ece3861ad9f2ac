import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/*
 * File systems that misbehave. Not everybody may make them, and not every system has them: then the functions say so.
 */

/** Does something when the test ends, before what was opened earlier ends. */
type OnEnd = (end: () => void) => void;

/** Runs a program; whether it succeeded. */
function run(program: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Mounts a file system of four megabytes on a new folder, if this user may. */
export function mountSmall(folder: string, onEnd: OnEnd): boolean {
  mkdirSync(folder);
  if (!run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder)) return false;
  // Lazily, because the server ends after this.
  onEnd(() => void run("umount", "-l", folder));
  return true;
}

/** Whether `forbidWrites` works in a folder: not every user may, and not every file system heeds it where a file is open. */
export function canForbidWrites(folder: string): boolean {
  const path = join(folder, "forbidden");
  const file = openSync(path, "w");
  try {
    if (!run("chattr", "+i", path)) return false;
    writeSync(file, "x");
    return false;
  } catch {
    return true;
  } finally {
    closeSync(file);
    run("chattr", "-i", path);
    rmSync(path);
  }
}

/** Lets the operating system refuse every write to some files, also where they are open. The result allows writes again, as does the end of the test. */
export function forbidWrites(paths: readonly string[], onEnd: OnEnd): () => void {
  const allow = () => void execFileSync("chattr", ["-i", ...paths]);
  execFileSync("chattr", ["+i", ...paths]);
  onEnd(allow);
  return allow;
}
