// Checks an AsyncAPI document with @asyncapi/parser: `node check-asyncapi.mjs FILE`. Prints what is wrong, and exits with 1.
import { readFileSync } from "node:fs";
import asyncapi from "@asyncapi/parser";

const WARNING = 1; // 0 is an error; what follows is information, such as a newer version of AsyncAPI
const { document, diagnostics } = await new asyncapi.Parser().parse(readFileSync(process.argv[2], "utf8"));
const wrong = diagnostics.filter((each) => each.severity <= WARNING);
for (const each of wrong) console.error(`${each.path.join(".")}: ${each.message}`);
process.exitCode = document && !wrong.length ? 0 : 1;
