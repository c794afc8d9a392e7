// Uses the client that is made from the OpenAPI document: a job in JSON as argument, what came of it on standard output.
import { keywright, type Schemas } from "./index.js";

declare const process: { argv: string[] };

const job = JSON.parse(process.argv[2] ?? "{}");
const platform = keywright(job.base, job.platform_key);
const caller = keywright(job.base, job.key);

function sure<T>(answer: { data?: T; error?: Schemas["Problem"] }): T {
  if (answer.data === undefined) throw new Error(answer.error?.code);
  return answer.data;
}

const who = sure(await platform.GET("/v1/whoami"));
const path = { org_id: "acme" };
const deployments = sure(await platform.GET("/unstract/{org_id}/api/v2/api-deployment", { params: { path } }));
const body = { name: "typescript", scopes: ["orders:read"] };
const made = sure(await platform.POST("/v1/api-keys", { body }));
if (!made.key) throw new Error("no key is shown");
const { error: refused } = await platform.POST("/v1/api-keys", { body });

const handle = job.deployment;
const started = sure(
  await caller.POST("/deployment/{handle}", { params: { path: { handle } }, body: { input_data: { price: 1.5 } } }),
);
const run = { path: { handle, id: started.execution_id } };
const status = sure(
  await caller.GET("/deployment/{handle}/status/{id}", { params: { ...run, query: { wait: 30 } } }),
);
const result = sure(await caller.GET("/deployment/{handle}/result/{id}", { params: run }));

console.log(
  JSON.stringify({
    kind: who.kind,
    deployments: deployments.items.map((deployment) => deployment.api_name),
    timeout_seconds: deployments.items.map((deployment) => deployment.timeout_seconds),
    key: { name: made.name, scopes: made.scopes, year: new Date(made.created_at).getUTCFullYear() },
    status: status.status,
    result: "result" in result ? result.result : null,
    refusal: { code: refused?.code, status: refused?.status },
  }),
);
