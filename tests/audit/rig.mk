# tests/audit - what Go's note and tlog say of the same trees (differ.sh), and of real exports and
# receipts (exports.py); sotay-verify for WebAssembly, run by node (verify_wasm.py); what sigstore's
# verifier says of exports and receipts (sigstore.py). None of it is a part of `make test`: what it
# needs takes a minute to fetch. `make test-long` has the latter two.

.PHONY: check-go check-verify-wasm check-sigstore deps-outside

deps-outside:
	@tools/setup/deps.sh outside
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || \
	    { echo "node 20 or newer is needed"; exit 1; }

check-go: all ## let Go's note and tlog check trees, exports, receipts (installs Go)
	@command -v go >/dev/null || apt-get install -y --no-install-recommends golang-go \
	    golang-golang-x-mod-dev
	@tests/audit/differ.sh
	@tests/audit/exports.py

check-verify-wasm: all deps-outside ## let node run sotay-verify as WebAssembly
	@BUILD=$(BUILD) tools/verify/wasm/build.sh
	@BIN=$(abspath $(BIN)) WASM=$(abspath $(BUILD))/wasm/sotay-verify.wasm tests/audit/verify_wasm.py

check-sigstore: all deps-outside build/sigstore/node_modules ## let npm's @sigstore/verify check logs
	@BIN=$(abspath $(BIN)) tests/audit/sigstore.py

build/sigstore/node_modules: tests/audit/package.json tests/audit/package-lock.json | deps-outside
	@mkdir -p $(@D)
	@cp $^ $(@D)/
	@cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
