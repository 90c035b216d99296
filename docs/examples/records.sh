#!/bin/sh
# A picture in, its answer out, with curl and jq's stand-in, Python:
#   URL=http://localhost:8000 EMAIL=person@example.org PASSWORD=mole-check-demo \
#     sh docs/examples/records.sh mole.jpg
set -eu
api="$URL/api/v1"
field() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }

# A token that may not touch the account, for a day.
token=$(curl -fsS --data-urlencode email="$EMAIL" --data-urlencode password="$PASSWORD" \
  -d name=records.sh -d scope=write -d days=1 "$api/auth/token/" | field token)
auth="Authorization: Token $token"

# Sent twice with the same key, as after a lost connection: one record.
key="records.sh-$$-$(date +%s)"
for _ in 1 2; do
  id=$(curl -fsS -H "$auth" -H "Idempotency-Key: $key" -F image=@"$1" \
    -F mole_name="left shoulder" -F body_site=shoulder "$api/records/" | field id)
done

# Each look is held for up to 20 seconds until there is an answer.
state=queued
while [ "$state" = queued ] || [ "$state" = running ]; do
  state=$(curl -fsS -H "$auth" "$api/records/$id/?wait=20" | field state)
done
echo "$id $state"

# Nothing is sent again that has not changed.
tag=$(curl -fsS -D - -o /dev/null -H "$auth" "$api/records/$id/" | tr -d '\r' \
  | sed -n 's/^[Ee][Tt]ag: //p')
curl -fsS -o /dev/null -w '%{http_code}\n' -H "$auth" -H "If-None-Match: $tag" "$api/records/$id/"

curl -fsS -H "$auth" -o "$id.pdf" "$api/records/$id/report/"
curl -fsS -X DELETE -H "$auth" "$api/records/$id/"
curl -fsS -X DELETE -H "$auth" "$api/auth/token/"
