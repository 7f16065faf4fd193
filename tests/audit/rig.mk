# tests/audit - what Go's note and tlog say of the same trees (differ.sh), and of real exports and
# receipts (exports.py).

.PHONY: check-go

check-go: all ## let Go's note and tlog check trees, exports, receipts (installs Go)
	@command -v go >/dev/null || apt-get install -y --no-install-recommends golang-go \
	    golang-golang-x-mod-dev
	@tests/audit/differ.sh
	@tests/audit/exports.py
