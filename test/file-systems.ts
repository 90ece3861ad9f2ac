import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { basename, join } from "node:path";

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

/** A file system that turns read-only when its disk fails, as Linux's do, also under programs that have files open for writing. */
export interface FragileFileSystem {
  /** From now on every write fails with EROFS. */
  fail(): void;
  /** Repairs it and mounts it again. Nobody may use it. */
  mend(): void;
}

/** Mounts one on a new folder, if this user may. */
export function mountFragile(folder: string, onEnd: OnEnd): FragileFileSystem | null {
  const image = `${folder}.img`;
  mkdirSync(folder);
  writeFileSync(image, Buffer.alloc(16 * 1024 * 1024));
  const mount = (): boolean => run("mount", "-o", "loop,errors=remount-ro", image, folder);
  if (!run("mkfs.ext4", "-q", "-F", image) || !mount()) return null;
  onEnd(() => void run("umount", "-l", folder));
  return {
    fail() {
      const device = execFileSync("findmnt", ["-n", "-o", "SOURCE", folder], { encoding: "utf8" }).trim();
      writeFileSync(join("/sys/fs/ext4", basename(device), "trigger_fs_error"), "a test");
    },
    mend() {
      execFileSync("umount", [folder]);
      // It succeeds with 1, for errors that were corrected.
      run("e2fsck", "-f", "-y", image);
      if (!mount()) throw new Error("the file system cannot be mounted again");
    },
  };
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
