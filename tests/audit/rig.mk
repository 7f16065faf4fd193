# tests/audit - what Go's note and tlog say of the same trees (differ.sh), and of real exports and
# receipts (exports.py); sotay-verify for WebAssembly, run by node (verify_wasm.py). None of it is a
# part of `make test`: what it needs takes a minute to fetch. `make test-long` has the latter.

.PHONY: check-go check-verify-wasm

check-go: all ## let Go's note and tlog check trees, exports, receipts (installs Go)
	@command -v go >/dev/null || apt-get install -y --no-install-recommends golang-go \
	    golang-golang-x-mod-dev
	@tests/audit/differ.sh
	@tests/audit/exports.py

check-verify-wasm: all ## build sotay-verify for WebAssembly and let node run it on real exports
	@tools/setup/deps.sh outside
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || \
	    { echo "node 20 or newer is needed"; exit 1; }
	@BUILD=$(BUILD) tools/verify/wasm/build.sh
	@BIN=$(abspath $(BIN)) WASM=$(abspath $(BUILD))/wasm/sotay-verify.wasm tests/audit/verify_wasm.py
