// One step of a scenario through HubSpot's own client; the outcome goes to standard output as JSON.
// Usage: node hubspot.mjs <step> <origin> <token>

import hubspot from "@hubspot/api-client";

const [step, basePath, accessToken] = process.argv.slice(2);
const patient = step === "limited";
const client = new hubspot.Client({ accessToken, basePath, numberOfApiCallRetries: patient ? 3 : 0 });
const { contacts } = client.crm;

const steps = {
  async contact() {
    const made = await contacts.basicApi.create({ properties: { email: "Ada@example.com" }, associations: [] });
    await contacts.basicApi.update(made.id, { properties: { city: "Graz" } });
    const read = await contacts.basicApi.getById(made.id, ["email", "city"]);
    const page = await contacts.basicApi.getPage(1);
    return { id: made.id, properties: read.properties, page: page.results.map((each) => each.id) };
  },
  async note() {
    const contact = await contacts.basicApi.create({ properties: { firstname: "Ada" }, associations: [] });
    const types = [{ associationCategory: "HUBSPOT_DEFINED", associationTypeId: 202 }];
    const note = await client.crm.objects.notes.basicApi.create({
      properties: { hs_timestamp: "1700000000000", hs_note_body: "Wants a quote" },
      associations: [{ to: { id: contact.id }, types }],
    });
    return { contact: contact.id, note: note.id };
  },
  async duplicate() {
    const body = { properties: { email: "ada@example.com" }, associations: [] };
    const owner = await contacts.basicApi.create(body);
    try {
      await contacts.basicApi.create(body);
    } catch (refused) {
      return { owner: owner.id, code: refused.code, message: refused.body.message };
    }
    return {};
  },
  async limited() {
    const filter = { propertyName: "email", operator: "EQ", value: "ada@example.com" };
    const found = await contacts.searchApi.doSearch({ filterGroups: [{ filters: [filter] }], limit: 10 });
    return { total: found.total };
  },
};

process.stdout.write(JSON.stringify(await steps[step]()));
