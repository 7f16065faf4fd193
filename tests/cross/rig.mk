# tests/cross: the same bytes and the same answers on other machines, under qemu-user.

ARCHES ?= armhf s390x

.PHONY: check-cross check-dist cross-tests cross-tests-slow

check-cross: deps ## the tests on other machines' code: ARCHES="armhf s390x" (arm64, i386)
	+@MAKE='$(MAKE)' ARCHES='$(ARCHES)' tests/cross/run short

check-dist: deps ## the client library's archive with COMPILERS="gcc clang musl mingw"
	+@MAKE='$(MAKE)' tests/cross/dist.sh $(COMPILERS)

# What `run` builds with MODE=armhf and so on; the slow ones take too long under an emulator.
CROSS_SLOW := client-lib/%faults client-lib/test_damage client-lib/test_outbox \
              client-lib/test_recover client-lib/test_vault proto/%faults proto/test_changeset \
              proto/test_merge_permutations
# Nobody installs libjpeg, libpng and libcurl for these machines.
CROSS_ALL  := $(filter-out %/client-lib/test_picture %/client-lib/test_watch %/both/test_attach,\
              $(filter $(BUILD)/tests/unit/% $(BUILD)/tests/golden/%,$(TESTS)))
CROSS_FEW  := $(filter $(addprefix $(BUILD)/tests/,unit/proto/% unit/client-lib/% golden/% \
                unit/server/test_store),$(CROSS_ALL))
cross-tests: $(filter-out $(CROSS_SLOW:%=$(BUILD)/tests/unit/%),$(CROSS_FEW))
	@printf '%s\n' $^ >$(BUILD)/cross-tests
cross-tests-slow: $(CROSS_ALL)
	@printf '%s\n' $^ >$(BUILD)/cross-tests
