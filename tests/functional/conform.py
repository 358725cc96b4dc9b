"""conform.py BASE_URL DEMO_JSON REPORT: holds a running server to its own OpenAPI document with schemathesis.

Fails on any 5xx but a documented 503, on any answer that is not as documented, and when fewer than four fifths of the
operations were answered 2xx at least once. conform_hooks.py puts real ids and tokens into what schemathesis makes up.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys
import urllib.request

HERE = pathlib.Path(__file__).parent
SHARE_ANSWERED = 0.8
LIMIT_S = 300
CHECKS = ("status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,"
          "allow_header_conformance")


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

    seen = collections.defaultdict(collections.Counter)
    for line in pathlib.Path(report).read_text(encoding="utf-8").splitlines():
        call = json.loads(line)
        seen[call["operation"]][call["status"]] += 1
    broken = sorted(f"{operation}: {status}" for operation, counts in seen.items()
                    for status in counts if status >= 500 and status != 503)
    silent = sorted(operation for operation, counts in seen.items() if not any(200 <= status < 300 for status in counts))
    answered = len(seen) - len(silent)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(base_url + "/openapi.json") as reply:
        offered = sum(len(methods) for methods in json.load(reply)["paths"].values())
    print(f"{offered} operations, {len(seen)} called, {answered} answered 2xx; never: {', '.join(silent) or 'none'}")
    for line in broken:
        print(f"server error: {line}")
    return 0 if done.returncode == 0 and not broken and seen and answered >= SHARE_ANSWERED * offered else 1


if __name__ == "__main__":
    sys.exit(main())
