// An authorization server made with `oidc-provider`, with its own pages for login and consent.
//
// The environment says where: MCP_PORT, and TTL, the seconds that an access token lasts. It gives tokens for any
// resource on this machine, with the scopes `mcp` and `mcp:write`, and registers any client. Its own clients are
// `service` with the secret `service-secret`, `signer` with a key that is written into the file that KEY names, and
// `tv` for codes that are entered on another device.

import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const folder = process.env.MCP_PEERS
  ? pathToFileURL(`${process.env.MCP_PEERS}/oidc/`)
  : new URL("../../.peers/oidc/", import.meta.url);
const entry = createRequire(folder).resolve("oidc-provider");
const { Provider } = await import(pathToFileURL(entry));

const port = Number(process.env.MCP_PORT);
const seconds = Number(process.env.TTL ?? 600);
const issuer = `http://localhost:${port}`;
const deviceCode = "urn:ietf:params:oauth:grant-type:device_code";

const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
if (process.env.KEY) writeFileSync(process.env.KEY, key.privateKey.export({ type: "pkcs8", format: "pem" }));

function resource(context, indicator) {
  if (!/^http:\/\/(localhost|127\.0\.0\.1):/.test(indicator)) throw new Error(`no resource: ${indicator}`);
  const jwt = { sign: { alg: "RS256" } };
  return { scope: "mcp mcp:write", audience: indicator, accessTokenFormat: "jwt", accessTokenTTL: seconds, jwt };
}

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "service",
      client_secret: "service-secret",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      scope: "mcp",
    },
    {
      client_id: "signer",
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      jwks: { keys: [key.publicKey.export({ format: "jwk" })] },
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      scope: "mcp",
    },
    {
      client_id: "tv",
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: [deviceCode, "refresh_token"],
      redirect_uris: [],
      response_types: [],
    },
  ],
  scopes: ["openid", "offline_access", "mcp", "mcp:write"],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (context, client) => client.grantTypeAllowed("refresh_token"),
  ttl: { AccessToken: seconds, ClientCredentials: seconds, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600 },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    dPoP: { enabled: true },
    registration: { enabled: true, initialAccessToken: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: resource,
    },
    revocation: { enabled: true },
  },
});
createServer(provider.callback()).listen(port, "127.0.0.1", () => console.error(`listening on ${issuer}`));
