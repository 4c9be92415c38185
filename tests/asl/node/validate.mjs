// Print what asl-validator says of the definitions whose paths are given: {path: [error, …]}.
import { readFileSync } from "node:fs";
import validator from "asl-validator";

const found = {};
for (const path of process.argv.slice(2)) {
  const { errors } = validator(JSON.parse(readFileSync(path, "utf8")), { checkPaths: true, checkArn: true });
  found[path] = (errors ?? []).map((error) => error.Message ?? error.message ?? JSON.stringify(error));
}
console.log(JSON.stringify(found));
