// A GraphQL server with subscriptions, of `graphql-ws` on `ws` as its manual shows. node graphql.mjs PORT
import { EventEmitter, on } from "node:events";
import { createServer } from "node:http";
import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";

const said = new EventEmitter().setMaxListeners(0);
const schema = buildSchema(`
  type Query { ready: Boolean }
  type Mutation { send(text: String!): Boolean }
  type Subscription { messages: String }
`);
const roots = {
  query: { ready: true },
  mutation: { send: ({ text }) => said.emit("said", text) },
  subscription: {
    async *messages() {
      for await (const [text] of on(said, "said")) yield { messages: text };
    },
  },
};

const http = createServer((request, response) => response.end("ok\n"));
const sockets = useServer({ schema, roots }, new WebSocketServer({ server: http, path: "/graphql" }));

process.on("SIGTERM", async () => {
  await sockets.dispose();
  http.close(() => process.exit(0));
});
http.listen(Number(process.argv[2]), "127.0.0.1");
