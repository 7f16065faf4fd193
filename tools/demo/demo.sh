#!/bin/sh
# One day of the commune with the real programs; see day.py.
exec python3 "$(dirname "$0")/day.py"
