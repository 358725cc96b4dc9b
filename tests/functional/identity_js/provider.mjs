// provider.mjs TOOLS PORT CALLBACK...: an OpenID provider with a key for RS256 and one for ES256, and anybody's account. Who is
// called new-... has an address that is not verified. Its client `tickets` signs people in and is given access tokens
// for `urn:tickets`; POST /rotate gives it new keys.
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [tools, port, ...callbacks] = process.argv.slice(2);
const from_tools = createRequire(`${tools}/package.json`);
const { default: Provider } = await import(pathToFileURL(from_tools.resolve("oidc-provider")));
const { generateKeyPair, exportJWK } = await import(pathToFileURL(from_tools.resolve("jose")));

let round = 0;
const clients = [{ client_id: "tickets", client_secret: "s3cret of tickets+", redirect_uris: callbacks,
                   grant_types: ["authorization_code", "client_credentials"], response_types: ["code"] }];

async function make() {
  round += 1;
  const keys = [];
  for (const alg of ["RS256", "ES256"]) {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    keys.push({ ...(await exportJWK(privateKey)), alg, use: "sig", kid: `${alg.toLowerCase()}-${round}` });
  }
  return new Provider(`http://127.0.0.1:${port}`, {
    jwks: { keys },
    clients,
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "urn:tickets",
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope: "read", audience: "urn:tickets", accessTokenFormat: "jwt", accessTokenTTL: 600,
                                        jwt: { sign: { alg: "ES256" } } }),
      },
    },
    scopes: ["openid", "email", "profile", "read"],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "locale"] },
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: !id.startsWith("new-"), name: `Name of ${id}`, locale: "de" }),
    }),
  });
}

let provider = await make();
createServer(async (request, response) => {
  if (request.method === "POST" && request.url === "/rotate") {
    provider = await make();
    response.end("rotated");
  } else {
    provider.callback()(request, response);
  }
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
