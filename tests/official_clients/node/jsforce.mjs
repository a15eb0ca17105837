// One step of a scenario through jsforce; the outcome goes to standard output as JSON.
// Usage: node jsforce.mjs <step> <origin> <session> [more]

import jsforce from "jsforce";

const [step, origin, accessToken, more] = process.argv.slice(2);
const KEY = "CRM_Sync_Id__c";
const app = { clientId: "sandbox-client-id", clientSecret: "sandbox-client-secret" };
const oauth2 = new jsforce.OAuth2({ ...app, loginUrl: origin, redirectUri: "https://127.0.0.1:9/callback", useVerifier: true });
const conn = new jsforce.Connection({ instanceUrl: origin, accessToken, version: "60.0" });
const lead = { LastName: "Novak", Company: "Northwind" };

const steps = {
  async lead() {
    const made = await conn.sobject("Lead").create({ ...lead, Email: "ada@example.com" });
    await conn.sobject("Lead").update({ Id: made.id, City: "Graz" });
    const read = await conn.sobject("Lead").retrieve(made.id);
    const found = await conn.sobject("Lead").find({ Email: "ADA@example.com" }, ["Id", "City"]);
    await conn.sobject("Lead").destroy(made.id);
    return { made, city: read.City, found: found.map((each) => [each.Id, each.City]) };
  },
  async upsert() {
    const single = await conn.sobject("Lead").upsert({ ...lead, [KEY]: "a" }, KEY);
    const rows = [{ City: "Graz", [KEY]: "a" }, { ...lead, [KEY]: "b" }, { [KEY]: "c" }];
    return { single, many: await conn.sobject("Lead").upsert(rows, KEY) };
  },
  async several() {
    const made = await conn.sobject("Lead").create([lead, { Company: "x" }, lead]);
    const ids = made.filter((each) => each.success).map((each) => each.id);
    const read = await conn.sobject("Lead").retrieve(ids);
    return { made, read: read.map((each) => each.LastName), gone: await conn.sobject("Lead").destroy(ids) };
  },
  async task() {
    const made = await conn.sobject("Lead").create(lead);
    const task = await conn.sobject("Task").create({ WhoId: made.id, Subject: "Web chat", Status: "Completed" });
    return { lead: made.id, task: task.id };
  },
  async pages() {
    for (let number = 0; number < 5; number += 1) await conn.sobject("Lead").create(lead);
    const page = await conn.query("SELECT Id FROM Lead", { autoFetch: false });
    const next = await conn.queryMore(page.nextRecordsUrl);
    const all = await conn.query("SELECT Id FROM Lead", { autoFetch: true, maxFetch: 100 });
    return { sizes: [page.records.length, next.records.length], done: next.done, all: all.records.length };
  },
  async describe() {
    const described = await conn.describe("Task");
    const global = await conn.describeGlobal();
    return { fields: described.fields.map((each) => each.name), kinds: global.sobjects.map((each) => each.name) };
  },
  async error() {
    await conn.sobject("Lead").create({ Company: "x" });
  },
  async spent() {
    await conn.query("SELECT Id FROM Lead");
  },
  async consent() {
    const page = oauth2.getAuthorizationUrl({ scope: "api id refresh_token", state: "s1" });
    return { page, verifier: oauth2.codeVerifier };
  },
  async code() {
    const { code, verifier } = JSON.parse(more);
    oauth2.codeVerifier = verifier;
    const signedIn = new jsforce.Connection({ oauth2, version: "60.0" });
    const user = await signedIn.authorize(code);
    const identity = await signedIn.identity();
    return { user, org: identity.organization_id, refreshToken: signedIn.refreshToken, instanceUrl: signedIn.instanceUrl };
  },
  async refresh() {
    const expired = new jsforce.Connection({ oauth2: { ...app, loginUrl: origin }, instanceUrl: origin, accessToken, refreshToken: more, version: "60.0" });
    const renewed = [];
    expired.on("refresh", (token) => renewed.push(token));
    const made = await expired.sobject("Lead").create(lead);
    return { success: made.success, renewed: renewed.length, other: renewed[0] !== accessToken };
  },
  async service() {
    const service = new jsforce.Connection({ oauth2: { ...app, loginUrl: origin }, version: "60.0" });
    const user = await service.authorize({ grant_type: "client_credentials" });
    return { user, used: (await service.limits()).DailyApiRequests.Max, info: service.limitInfo };
  },
  async revoke() {
    await oauth2.revokeToken(accessToken);
    await conn.query("SELECT Id FROM Lead");
  },
};

try {
  console.log(JSON.stringify(await steps[step]()));
} catch (refused) {
  console.log(JSON.stringify({ errorCode: refused.errorCode ?? refused.name, message: refused.message }));
}
