# tests/audit - what Go's tlog says of the same trees (see differ.sh).

.PHONY: check-go

check-go: ## compare the tree's proofs with those of Go's tlog (installs Go, about a minute)
	@command -v go >/dev/null || apt-get install -y --no-install-recommends golang-go \
	    golang-golang-x-mod-dev
	@tests/audit/differ.sh
