#!/usr/bin/env bash
# smoke.sh BASE_URL [DEMO_JSON]: sells one ticket of the example show of a running server and walks the ten checks: intent
# created, paid, PDF generated, uploaded, record there, link works, PDF downloads, code validates, used one refused, log
# clean. Prints ten lines PASS or FAIL; exit code 0 only if all passed.
#
# DEMO_JSON (default: demo.json in ADMIT_DATA, or in data/demo) names accounts, show and sandbox, as `admit demo` writes it.
# With ADMIT_LOG naming the server's log, the tenth check reads it; else it asks the server's own counters.
# Needs curl and python3; nothing is installed and nothing but the one sale is changed.
set -uo pipefail

base=${1:?usage: smoke.sh BASE_URL [DEMO_JSON]}
base=${base%/}
demo=${2:-${ADMIT_DATA:-data/demo}/demo.json}
if [[ ! -r $demo ]]; then
  echo "cannot read $demo: name the demo.json of the server's data folder" >&2
  exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 700 "$work"

# field PATH [FILE]: one value of a JSON document, by dots and numbers: users.customer.accessToken, tickets.0.ticketId
field() {
  python3 - "$1" "${2:-$work/reply}" <<'PY'
import json, sys
try:
    value = json.load(open(sys.argv[2], encoding="utf-8"))
    for part in sys.argv[1].split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
except (OSError, ValueError, KeyError, IndexError, TypeError):
    sys.exit(1)
print(json.dumps(value) if isinstance(value, (dict, list, bool)) or value is None else value)
PY
}

# call METHOD URL TOKEN [JSON]: leaves the body in $work/reply and the status in $status. The token travels in a file, not
# in the list of processes.
call() {
  local method=$1 url=$2 token=$3 body=${4-}
  local more=()
  : >"$work/headers"
  [[ -n $token ]] && printf 'Authorization: Bearer %s\n' "$token" >"$work/headers"
  if [[ -n $body ]]; then
    printf '%s' "$body" >"$work/body"
    more=(-H 'Content-Type: application/json' --data-binary "@$work/body")
  fi
  : >"$work/reply"
  status=$(curl -sS --noproxy '*' --max-time 30 -o "$work/reply" -w '%{http_code}' -X "$method" -H "@$work/headers" \
    "${more[@]}" "$url" 2>"$work/curl") || status="no answer: $(head -n 1 "$work/curl")"
}

number=0
failed=0
check() {
  local ok=$1 name=$2 detail=${3-}
  number=$((number + 1))
  if [[ $ok == yes ]]; then
    printf 'PASS %2d  %s\n' "$number" "$name"
  else
    printf 'FAIL %2d  %s%s\n' "$number" "$name" "${detail:+: $detail}"
    failed=$((failed + 1))
  fi
}
answer() { printf '%s %s' "$status" "$(head -c 300 "$work/reply" | tr -cd '[:print:]')"; }
errors_counted() {
  curl -sS --noproxy '*' --max-time 30 "$base/metrics" 2>/dev/null |
    python3 -c 'import re, sys
print(int(sum(float(line.split()[-1]) for line in sys.stdin
              if re.match(r"admit_http_requests_total\{.*(class|status|code)=\"5", line))))'
}

# The access token in demo.json may have run out: sign in anew.
email=$(field users.customer.email "$demo")
password=$(field users.customer.password "$demo")
call POST "$base/v1/sessions" "" "$(EMAIL=$email PASSWORD=$password python3 -c '
import json, os
print(json.dumps({"email": os.environ["EMAIL"], "password": os.environ["PASSWORD"]}))')"
token=$(field accessToken || true)
gate=$(field users.gate.token "$demo")
show=$(field showId "$demo")
tier=$(field tierIds.0 "$demo")
api=$(field stripe.apiBase "$demo")
publishable=$(field stripe.publishableKey "$demo")
errors_before=$(errors_counted)

call POST "$base/v1/registrations" "$token" "{\"showId\": \"$show\", \"lines\": [{\"tierId\": \"$tier\", \"quantity\": 1}]}"
registration=$(field registrationId || true)
amount=$(field amount || true)
reserved=$(answer)

call POST "$base/payments/create-intent" "$token" "{\"registrationId\": \"$registration\", \"amount\": ${amount:-0}}"
intent=$(field paymentIntentId || true)
secret=$(field clientSecret || true)
check "$([[ $status == 200 && -n $intent && -n $secret ]] && echo yes || echo no)" "payment intent created" "$reserved / $(answer)"

printf 'Authorization: Bearer %s\n' "$publishable" >"$work/headers"
printf 'client_secret=%s' "$secret" >"$work/secret"
: >"$work/reply"
status=$(curl -sS --noproxy '*' --max-time 30 -o "$work/reply" -w '%{http_code}' -H "@$work/headers" \
  --data "@$work/secret" --data-urlencode 'payment_method_data[type]=card' \
  --data-urlencode 'payment_method_data[card][number]=4242424242424242' \
  --data-urlencode 'payment_method_data[card][exp_month]=12' --data-urlencode 'payment_method_data[card][exp_year]=2034' \
  --data-urlencode 'payment_method_data[card][cvc]=123' "$api/v1/payment_intents/$intent/confirm" 2>/dev/null)
paid=$(answer)
state=
for _ in $(seq 100); do
  call GET "$base/v1/registrations/$registration" "$token"
  state=$(field status || true)
  [[ $state == confirmed ]] && break
  sleep 0.1
done
check "$([[ $state == confirmed ]] && echo yes || echo no)" "payment processed, registration confirmed" "$state / $paid"

call GET "$base/userTickets" "$token"
python3 - "$work/reply" "$registration" >"$work/ticket" 2>/dev/null <<'PY'
import json, sys
body = json.load(open(sys.argv[1], encoding="utf-8"))
rows = body if isinstance(body, list) else body["tickets"]
print(json.dumps(next(row for row in rows if row["registrationId"] == sys.argv[2])))
PY
listed=$status
ticket=$(field ticketId "$work/ticket" || true)
code=$(field qrCode "$work/ticket" || true)
ticket_state=$(field status "$work/ticket" || true)
key=$(field s3Key "$work/ticket" || true)

: >"$work/headers"
printf 'Authorization: Bearer %s\n' "$token" >"$work/headers"
curl -sS --noproxy '*' --max-time 30 -o "$work/direct.pdf" -H "@$work/headers" "$base/v1/tickets/$ticket/pdf" 2>/dev/null
check "$([[ $(head -c 5 "$work/direct.pdf" 2>/dev/null) == %PDF- ]] && echo yes || echo no)" "PDF generated" "$(head -c 200 "$work/direct.pdf" 2>/dev/null | tr -cd '[:print:]')"

call GET "$base/tickets/$ticket/download" "$token"
link=$(field downloadUrl || true)
check "$([[ $key == "tickets/$ticket.pdf" && -n $link ]] && echo yes || echo no)" "PDF in the store under tickets/{ticketId}.pdf" "$key / $(answer)"
check "$([[ $listed == 200 && -n $ticket && $ticket_state == valid ]] && echo yes || echo no)" "ticket record there, status valid" "$listed $ticket_state"

expires=$(field expiresAt || true)
lives=$(EXPIRES=$expires python3 -c '
import datetime, os
left = datetime.datetime.fromisoformat(os.environ["EXPIRES"].replace("Z", "+00:00")) - datetime.datetime.now(datetime.timezone.utc)
print("yes" if 840 <= left.total_seconds() <= 930 else "no")' 2>/dev/null || echo no)
check "$lives" "download link lives 15 minutes" "$expires"

status=$(curl -sS --noproxy '*' --max-time 30 -o "$work/ticket.pdf" -w '%{http_code}' "$link" 2>/dev/null)
size=$(wc -c <"$work/ticket.pdf" 2>/dev/null || echo 0)
check "$([[ $status == 200 && $(head -c 5 "$work/ticket.pdf" 2>/dev/null) == %PDF- && $size -gt 1000 ]] && echo yes || echo no)" "PDF downloads" "$status, $size bytes"

scan() { call POST "$base/tickets/validate" "$gate" "$(CODE=$code python3 -c 'import json, os; print(json.dumps({"qrCode": os.environ["CODE"]}))')"; }
scan
check "$([[ $status == 200 && $(field valid) == true ]] && echo yes || echo no)" "code validates at the door" "$(answer)"
scan
check "$([[ $status == 200 && $(field valid) == false && $(field reason) == already_used ]] && echo yes || echo no)" "used ticket refused" "$(answer)"

if [[ -n ${ADMIT_LOG:-} ]]; then
  bad=$(grep -cE '"level":"(error|critical)"' "$ADMIT_LOG" || true)
  check "$([[ -r $ADMIT_LOG && $bad == 0 ]] && echo yes || echo no)" "log clean" "$bad errors in $ADMIT_LOG"
else
  errors_after=$(errors_counted)
  check "$([[ -n $errors_after && $errors_after == "$errors_before" ]] && echo yes || echo no)" "no errors counted by the server" "5xx before: $errors_before, after: $errors_after"
fi

((failed == 0))
