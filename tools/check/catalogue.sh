#!/bin/sh
# Forms and catalogue data are sound, their numbers are the old ones, and docs/data-model.md shows
# them as they are; then spoils copies of them to see that the check still finds it.
# usage: catalogue.sh     prints FILE: what; exit 1 when something is wrong.
set -eu
cd "$(dirname "$0")/../.."
exec python3 tools/check/catalogue.py --self-test
