// The browser's part of passkeys: bytes from and to base64url.

import { Account, Refused, call } from "./common.js";

// A passkey is tied to a name: at a bare address there are none.
export const has_passkeys = isSecureContext && "PublicKeyCredential" in window && !/^[\d.]+$|:/.test(location.hostname);

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/// What the browser says when its user, or nobody, chose a passkey.
async function asked(ceremony) {
  try {
    return await ceremony();
  } catch (fault) {
    if (fault.name === "InvalidStateError") throw new Refused(409, "identity_taken");
    throw new Refused(400, "passkey", fault.message);
  }
}

export async function add_passkey(account, name) {
  const options = await account.call("POST", "/v1/me/passkeys/options");
  const made = await asked(() => navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: options.excludeCredentials.map((one) => ({ ...one, id: bytes(one.id) })),
    },
  }));
  return account.call("POST", "/v1/me/passkeys", {
    name, clientDataJSON: text(made.response.clientDataJSON), attestationObject: text(made.response.attestationObject),
  });
}

export async function sign_in_with_passkey() {
  const options = await call("POST", "/v1/sessions/passkey/options");
  const { rawId, response } = await asked(() =>
    navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge) } }));
  return Account.enter("/v1/sessions/passkey", {
    credentialId: text(rawId), clientDataJSON: text(response.clientDataJSON),
    authenticatorData: text(response.authenticatorData), signature: text(response.signature),
    ...(response.userHandle?.byteLength && { userHandle: text(response.userHandle) }),
  });
}
