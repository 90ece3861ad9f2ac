import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { fastifyStatic } from "@fastify/static";
import type { FastifyInstance } from "fastify";

/**
 * What a page may load: only what this server serves. Both viewers set styles from their scripts and draw icons from `data:`
 * addresses, and Redoc searches in a worker that it makes itself.
 */
const contentSecurityPolicy = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const openApiFile = fileURLToPath(new URL("../../gen/openapi.json", import.meta.url));
const swaggerDirectory = dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/swagger-ui.css")));
const redocFile = fileURLToPath(import.meta.resolve("redoc/bundles/redoc.standalone.js"));

/** The image that Redoc puts beside its name; it would be the one request of the page to another host. */
const redocLogo = "https://cdn.redoc.ly/redoc/logo-mini.svg";

const docsPage = pageOf({
  head: '<link rel="stylesheet" href="/docs/swagger-ui.css">',
  body: '<div id="viewer"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script>',
});

const docsScript = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  validatorUrl: null,
});
`;

const redocPage = pageOf({
  head: "<style>body { margin: 0 }</style>",
  body: '<div id="viewer"></div><script src="/redoc/redoc.standalone.js"></script><script src="/redoc/start.js"></script>',
});

const redocScript = `Redoc.init("/openapi.json", {}, document.getElementById("viewer"));
`;

/**
 * Fastify plugin that serves the documentation of the REST paths: the OpenAPI document at `/openapi.json`, Swagger UI at `/docs`
 * and Redoc at `/redoc`. Everything comes from this server: the pages work without a network, and tell nobody who reads them.
 */
export async function docsPages(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, { root: swaggerDirectory, serve: false });
  app.addHook("onSend", async (_request, reply) => {
    reply.header("x-content-type-options", "nosniff");
  });
  app.get("/openapi.json", async (_request, reply) => reply.sendFile("openapi.json", dirname(openApiFile)));
  registerText(app, ["/docs", "/docs/"], { type: "text/html", text: docsPage });
  registerText(app, ["/docs/start.js"], { type: "text/javascript", text: docsScript });
  for (const file of ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"]) {
    app.get(`/docs/${file}`, async (_request, reply) => reply.sendFile(file));
  }
  registerText(app, ["/redoc", "/redoc/"], { type: "text/html", text: redocPage });
  registerText(app, ["/redoc/start.js"], { type: "text/javascript", text: redocScript });
  const redoc = (await readFile(redocFile, "utf8")).replaceAll(redocLogo, "data:,");
  registerText(app, ["/redoc/redoc.standalone.js"], { type: "text/javascript", text: redoc });
}

function registerText(
  app: FastifyInstance,
  paths: readonly string[],
  { type, text }: { readonly type: string; readonly text: string },
): void {
  const isSlashIgnored = app.initialConfig.routerOptions?.ignoreTrailingSlash === true;
  for (const path of isSlashIgnored ? paths.slice(0, 1) : paths) {
    app.get(path, async (_request, reply) => {
      if (type === "text/html") reply.header("content-security-policy", contentSecurityPolicy);
      return reply.type(`${type}; charset=utf-8`).header("cache-control", "no-cache").send(text);
    });
  }
}

function pageOf({ head, body }: { readonly head: string; readonly body: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Cylestio Mini-Local Server API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
${head}
</head>
<body>
${body}
</body>
</html>
`;
}
