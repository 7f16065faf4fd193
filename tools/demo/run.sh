#!/bin/sh
# Starts the server on the book that `make demo` left behind, and says how to connect.
set -eu
bin=${BIN:-build/release/bin}
home=${DEMO:-build/demo}
if [ ! -f "$home/data/store.version" ]; then
    "$(dirname "$0")/demo.sh"
fi
echo
echo "The server starts on http://127.0.0.1:8080 (Ctrl-C ends it). In another terminal:"
echo "  $bin/sotayctl --data $home/data records"
echo "  $bin/sotayctl --data $home/data conflicts"
echo "  $bin/sotay --store $home/phone-an list"
echo "  $bin/sotay --store $home/phone-an sync --server http://127.0.0.1:8080"
echo "  $bin/sotay --store $home/phone-new enrol LINK   # LINK: the last line of"
echo "  $bin/sotayctl --data $home/data enrol an"
echo
exec "$bin/sotayd" --data "$home/data" --listen 127.0.0.1:8080
