"""conform.py BASE_URL DEMO_JSON REPORT: holds a running server to its own OpenAPI document with schemathesis.

Fails on any 5xx but a documented 501 or 503, on any answer that is not as documented, and when an operation was never
answered 2xx that could be. conform_hooks.py puts real ids and tokens into what schemathesis makes up.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys
import urllib.request

HERE = pathlib.Path(__file__).parent
LIMIT_S = 300
CHECKS = ("status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,"
          "allow_header_conformance")
# What no call answers 2xx here, and why.
UNANSWERED = {
    "POST /payments/webhook/connect": "signed with a secret of its own that demo.json does not tell",
    "POST /v1/payments/webhook/connect": "likewise",
    "POST /v1/connect/oauth": "takes what the provider's own page gives along",
    "GET /v1/jobs/{jobId}": "a job's id is told once it was given up, after hours",
    "POST /v1/jobs/{jobId}/revive": "likewise",
    "POST /v1/me/identities": "no identity provider is configured",
    "DELETE /v1/me/identities/{identityId}": "likewise",
}


def main():
    base_url, demo, report = sys.argv[1:]
    environment = {**os.environ, "ADMIT_BASE_URL": base_url, "ADMIT_DEMO_JSON": demo, "ADMIT_CONFORM_REPORT": report,
                   "SCHEMATHESIS_HOOKS": "conform_hooks", "PYTHONPATH": str(HERE), "NO_PROXY": "*", "no_proxy": "*"}
    pathlib.Path(report).unlink(missing_ok=True)
    command = [str(pathlib.Path(sys.executable).parent / "schemathesis"), "run", base_url + "/openapi.json", "--url", base_url,
               "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "-n", "10", "--seed", "20261121", "--no-shrink",
               "--request-timeout", "20", "--max-failures", "40", "--continue-on-failure", "--warnings", "off",
               "--suppress-health-check", "all"]
    done = subprocess.run(command, env=environment, timeout=LIMIT_S, stdin=subprocess.DEVNULL, cwd=pathlib.Path(report).parent)

    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(base_url + "/openapi.json") as reply:
        offered = {f"{method.upper()} {path}": operation["responses"]
                   for path, methods in json.load(reply)["paths"].items() for method, operation in methods.items()}
    seen = collections.defaultdict(set, {"GET /openapi.json": {200}})
    for line in pathlib.Path(report).read_text(encoding="utf-8").splitlines():
        call = json.loads(line)
        seen[call["operation"]].add(call["status"])
    answered = {operation for operation, statuses in seen.items() if any(200 <= status < 300 for status in statuses)}
    wrong = [f"server error: {operation}: {status}" for operation, statuses in sorted(seen.items())
             for status in sorted(statuses) if status >= 500 and status not in (501, 503)]
    wrong += [f"never 2xx: {operation}: {sorted(seen[operation])}" for operation, responses in offered.items()
              if any(status.startswith("2") for status in responses) and operation not in answered | UNANSWERED.keys()]
    wrong += [f"no exception any more: {operation}" for operation in UNANSWERED
              if operation in answered or operation not in offered]
    print(f"{len(offered)} operations, {len(answered & offered.keys())} answered 2xx", *wrong, sep="\n")
    return 1 if done.returncode or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
