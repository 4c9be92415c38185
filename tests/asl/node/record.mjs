// Evaluate expressions with the reference implementation of JSONata.
// Standard input: {"expressions": {name: [text, …]}, "environments": {name: [variables, …]}}.
// Prints {name: {text: [answer, …]}}: {"value": JSON}, {"nothing": true} or {"fails": true}.
import { readFileSync } from "node:fs";
import jsonata from "jsonata";

const { expressions, environments } = JSON.parse(readFileSync(0, "utf8"));

async function answer(text, variables) {
  try {
    const expression = jsonata(text);
    // AWS's own functions: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    expression.registerFunction("parse", (body) => (body === undefined ? undefined : JSON.parse(body)));
    const value = await expression.evaluate(undefined, variables);
    return value === undefined ? { nothing: true } : { value };
  } catch {
    return { fails: true };
  }
}

const found = {};
for (const [name, texts] of Object.entries(expressions)) {
  found[name] = {};
  for (const text of texts) {
    found[name][text] = [];
    for (const variables of environments[name]) found[name][text].push(await answer(text, structuredClone(variables)));
  }
}
console.log(JSON.stringify(found));
