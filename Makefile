# sotay - everything that can be built, run, tested and installed. `make help` lists it.
#
# One rule of this file: it may be read before any package is installed. Nothing here asks a
# tool or a library anything while the file is parsed; what is missing from Debian is installed
# by `deps-build` and `deps`, on which every rule that compiles waits.

MODE   ?= release
PREFIX ?= /usr/local
CC      = $(if $(filter fuzz,$(MODE)),clang,gcc)
AR      = ar
VERSION := 0.1.0
SOVERSION := 0

BUILD := build/$(MODE)
BIN   := $(BUILD)/bin
LIB   := $(BUILD)/lib
GEN   := $(BUILD)/gen
OBJ   := $(BUILD)/obj

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
# V=1 shows whole commands; otherwise one short line a file.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

# ---- modes --------------------------------------------------------------------------------

HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
MODE_CFLAGS_release  := -O2 -g $(HARDEN)
# A report names functions and lines; what else -g writes costs a third of the compile.
MODE_CFLAGS_asan     := -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined \
                        -fno-sanitize-recover=undefined
MODE_CFLAGS_tsan     := -O1 -g1 -fno-omit-frame-pointer -fsanitize=thread
# Asserts are left out of the count: the branch in which our own mistake shows is never taken.
MODE_CFLAGS_coverage := -O0 -g --coverage -fprofile-abs-path -fprofile-update=atomic -DNDEBUG \
                        -Wno-unused-variable -Wno-unused-parameter -Wno-unused-but-set-variable
# Clang warns of more than gcc does; gcc has said what we want to hear in the other modes.
MODE_CFLAGS_fuzz     := -O1 -gline-tables-only -fno-omit-frame-pointer -w \
                        -fsanitize=fuzzer-no-link,address,undefined \
                        -fno-sanitize-recover=undefined
MODE_LDFLAGS_fuzz     := -fsanitize=address,undefined
MODE_LDFLAGS_release  := -Wl,-z,relro,-z,now
# UBSan's own library would give ASan's the way to its report file, and write to stderr itself.
MODE_LDFLAGS_asan     := -fsanitize=address,undefined -static-libubsan \
                         -Wl,--exclude-libs,libubsan.a
MODE_LDFLAGS_tsan     := -fsanitize=thread
MODE_LDFLAGS_coverage := --coverage

# Another machine's code, run under qemu-user (tests/cross), where no debugger looks at it. Of its
# libraries only what runs is fetched, into a folder of its own (tools/setup/root.sh): they are
# linked by their own names, the headers are this machine's.
CROSS_arm64 := aarch64-linux-gnu
CROSS_armhf := arm-linux-gnueabihf
CROSS_i386  := i686-linux-gnu
CROSS_s390x := s390x-linux-gnu
CROSS := $(CROSS_$(MODE))
ifneq ($(CROSS),)
CC  = $(CROSS)-gcc
AR  = $(CROSS)-ar
MODE_CFLAGS_$(MODE)  := -O1 $(HARDEN) -isystem $(BUILD)/include
CROSS_ROOT := $(abspath $(BUILD)/root)
CROSS_LIBS := $(CROSS_ROOT)/usr/lib/$(CROSS:i686%=i386%) $(CROSS_ROOT)/lib/$(CROSS:i686%=i386%)
comma      := ,
MODE_LDFLAGS_$(MODE) := $(MODE_LDFLAGS_release) \
                        $(CROSS_LIBS:%=-L%) $(CROSS_LIBS:%=-Wl$(comma)-rpath-link$(comma)%)
# This machine runs these by itself: they find their loader and their libraries by their names.
ifeq ($(MODE),i386)
MODE_LDFLAGS_$(MODE) += -Wl,--dynamic-linker=$(CROSS_ROOT)/lib/ld-linux.so.2 \
                        $(CROSS_LIBS:%=-Wl$(comma)-rpath$(comma)%)
endif
endif
ifeq ($(origin MODE_CFLAGS_$(MODE)),undefined)
$(error MODE=$(MODE) is not known: release asan tsan coverage fuzz arm64 armhf i386 s390x)
endif

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
        -Wvla -Werror
# On 32 bits, too, files may be large and years late.
WIDE := -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
BASE := -std=c11 -fPIC -fvisibility=hidden -pthread -I. -I$(GEN) $(WIDE) $(MODE_CFLAGS_$(MODE))
# proto/ is pure C11: it gets no POSIX names to lean on.
CFLAGS_PROTO := $(BASE) $(WARN)
CFLAGS_GEN   := $(BASE) -Wall
CFLAGS_REST  := $(BASE) $(WARN) -D_GNU_SOURCE= -DSOTAY_VERSION='"$(VERSION)"'
LDFLAGS_ALL  := -pthread -Wl,--as-needed $(MODE_LDFLAGS_$(MODE)) $(LDFLAGS)
# Names, not pkg-config: the file is read before pkg-config exists.
LIBS_CLIENT := -lprotobuf-c -lzstd -lsodium -lutf8proc -lcjson -llmdb -lcurl -ljpeg -lpng -lm
LIBS_ALL    := $(LIBS_CLIENT) -lcivetweb -lqrencode -linih
LIBS_TEST   := -lcmocka $(LIBS_ALL)
ifneq ($(CROSS),)
LIBS_TEST   := $(addprefix -l:,libcmocka.so.0 libprotobuf-c.so.1 libzstd.so.1 libsodium.so.23 \
                libutf8proc.so.2 libcjson.so.1 liblmdb.so.0 libcivetweb.so.1 libqrencode.so.4 \
                libinih.so.1) -lm
endif

# ---- sources: what lies in a room is part of it ---------------------------------------------

PROTO_SRC  := $(sort $(wildcard proto/*.c))
PROTO_DEF  := $(sort $(wildcard proto/*.proto))
CLIENT_SRC := $(sort $(wildcard client-lib/src/*.c client-lib/ports/*.c))
CLI_SRC    := $(sort $(wildcard client-lib/cli/*.c))
SERVER_SRC := $(sort $(filter-out server/main.c,$(wildcard server/*.c server/*/*.c server/*/*/*.c)))
CTL_SRC    := $(sort $(wildcard tools/ctl/*.c))
VERIFY_SRC := $(sort $(wildcard tools/verify/*.c))
TEST_MAIN  := $(sort $(wildcard tests/unit/*/test_*.c tests/golden/test_*.c))
TEST_HELP  := $(sort $(filter-out $(TEST_MAIN),$(wildcard tests/unit/*/*.c tests/unit/*.c \
                tests/golden/*.c tests/support/*.c)))
CATALOGUE  := $(sort $(shell find server/catalogue -name '*.json' -o -name '*.tsv' 2>/dev/null))

objects = $(patsubst %.c,$(OBJ)/%.o,$(1))
GEN_C  := $(patsubst proto/%.proto,$(GEN)/%.pb-c.c,$(PROTO_DEF))
GEN_H  := $(GEN_C:.c=.h)
GEN_O  := $(patsubst $(GEN)/%.c,$(OBJ)/gen/%.o,$(GEN_C))

PROTO_O  := $(call objects,$(PROTO_SRC)) $(GEN_O)
CLIENT_O := $(call objects,$(CLIENT_SRC))
ALL_SRC  := $(PROTO_SRC) $(CLIENT_SRC) $(CLI_SRC) $(SERVER_SRC) $(wildcard server/main.c) \
            $(CTL_SRC) $(VERIFY_SRC) $(TEST_MAIN) $(TEST_HELP)

# A program whose main file is not there yet is left out.
PROGRAMS := $(if $(wildcard server/main.c),$(BIN)/sotayd) \
            $(if $(wildcard tools/ctl/main.c),$(BIN)/sotayctl) $(BIN)/sotay-verify \
            $(if $(wildcard client-lib/cli/main.c),$(BIN)/sotay)
LIBRARIES := $(LIB)/libproto.a $(LIB)/libserver.a $(LIB)/libsotay.a $(LIB)/libsotay.so
SHARE     := $(patsubst server/catalogue/%,$(BUILD)/share/sotay/catalogue/%,$(CATALOGUE))
TESTS     := $(patsubst %.c,$(BUILD)/%,$(TEST_MAIN))

# ---- what people call -----------------------------------------------------------------------

RIG_FILES := $(sort $(wildcard tests/*/rig.mk tools/*/rig.mk))

.PHONY: all dist-clib deps deps-build rig-programs demo run test test-long check check-wasm check-self check-asan \
        check-tsan rigs-asan rigs-tsan planted coverage amounts bench bench-large bench-peers bench-programs deps-bench \
        format format-check install clean help unit-tests FORCE

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile $(RIG_FILES)
	@echo "  MODE=release|asan|tsan|armhf|...   PREFIX=/usr/local   (make MODE=asan, make install PREFIX=...)"

all: $(LIBRARIES) $(PROGRAMS) $(SHARE) ## build everything into build/MODE/ (the default)

deps: ## install what is missing from Debian (tools/setup/packages.txt)
	@tools/setup/deps.sh test

# For another machine also its compiler and libraries; curl's headers lie under this machine's name.
deps-build:
	@tools/setup/deps.sh $(if $(CROSS),cross $(MODE),build)
ifneq ($(CROSS),)
	@tools/setup/root.sh $(MODE) $(BUILD)/root
	@mkdir -p $(BUILD)/include
	@ln -sfn $(firstword $(wildcard /usr/include/curl /usr/include/*/curl)) $(BUILD)/include/curl
	@ln -sfn $(firstword $(wildcard /usr/include/jconfig.h /usr/include/*/jconfig.h)) \
	    $(BUILD)/include/jconfig.h
endif

deps-bench:
	@tools/setup/deps.sh bench

demo: all ## play one day of the commune: two phones, one server, no signal
	@BIN=$(abspath $(BIN)) tools/demo/demo.sh

run: all ## start the server on the demo's data and say how to connect
	@BIN=$(abspath $(BIN)) tools/demo/run.sh

test: deps ## all tests and checks, also under the sanitizers; last line: N passed, N failed
	+@MAKE='$(MAKE)' tools/check/run-tests.sh all

test-long: deps ## the same, also end to end under the sanitizers, and the planted faults
	+@TEST_LONG=1 MAKE='$(MAKE)' tools/check/run-tests.sh all

check: deps all ## layers, style, docs, planted faults, exported names, the WebAssembly compile
	@BUILD=$(BUILD) tools/check/check.sh

check-wasm: deps $(GEN_H) ## compile proto/ and client-lib/src for WebAssembly
	@BUILD=$(BUILD) tools/check/wasm.sh

planted: deps ## prove that each invariant has a test that fails without its code
	+@MAKE='$(MAKE)' tests/planted/run.sh

check-self: deps ## prove that each check can fail
	@tools/check/self-test.sh

check-asan: deps ## unit and end-to-end tests under AddressSanitizer and UBSan
	+@MAKE='$(MAKE)' tools/check/run-tests.sh mode asan

check-tsan: deps ## unit and end-to-end tests under ThreadSanitizer
	+@MAKE='$(MAKE)' tools/check/run-tests.sh mode tsan

rigs-asan: deps ## the rigs, with their short amounts, under AddressSanitizer and UBSan
	+@MAKE='$(MAKE)' tools/check/run-tests.sh rigs asan

rigs-tsan: deps ## those of them with threads under ThreadSanitizer
	+@MAKE='$(MAKE)' tools/check/run-tests.sh rigs tsan

coverage: deps ## branch coverage, by unit tests and rigs (COVERAGE_RIGS=0: without them); see tools/check/coverage.sh
	+@MAKE='$(MAKE)' tools/check/coverage.sh

amounts: ## how much the rigs have tried in this tree, and how much of it failed
	@tools/check/amounts.sh sum

bench: all bench-programs ## measure the programs on this machine
	@BIN=$(abspath $(BIN)) tools/bench/bench.sh

bench-large: all bench-programs ## a book of 20,000 records: its care, a phone's first sync; a log of a million
	@python3 tools/bench/large.py --bin $(BIN) --bench $(BENCH) --records $(or $(RECORDS),20000)
	@python3 tools/bench/log.py --bin $(BIN) --bench $(BENCH) --leaves $(or $(LEAVES),1000000)

bench-peers: all bench-programs ## the same work beside other ways of doing it
	@BIN=$(abspath $(BIN)) tools/bench/peers.sh

format: deps ## rewrite the C sources in the style of .clang-format
	@tools/check/format.sh fix

format-check: deps ## say which C sources are not in that style
	@tools/check/format.sh check

install: all ## install programs, library, headers and catalogue under PREFIX (DESTDIR too)
	@BUILD=$(BUILD) PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' VERSION=$(VERSION) \
	    SOVERSION=$(SOVERSION) tools/setup/install.sh

dist-clib: $(GEN_C) ## pack the client library alone: build/sotay-clib-VERSION.tar.gz
	@GEN=$(GEN) VERSION=$(VERSION) tools/setup/dist-clib.sh

clean: ## remove build/
	rm -rf build

unit-tests: $(TESTS) all # built, not run

# ---- programs and libraries -------------------------------------------------------------------

$(BIN)/sotayd: $(OBJ)/server/main.o $(LIB)/libserver.a $(LIB)/libproto.a
$(BIN)/sotayctl: $(call objects,$(CTL_SRC)) $(LIB)/libserver.a $(LIB)/libproto.a
$(BIN)/sotay-verify: $(call objects,$(VERIFY_SRC)) $(LIB)/libproto.a
$(BIN)/sotay: $(call objects,$(CLI_SRC)) $(LIB)/libsotay.a
$(BIN)/%:
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter %.o,$^) $(filter %.a,$^) $(LDFLAGS_ALL) $(LIBS_ALL) -o $@

$(LIB)/libproto.a: $(PROTO_O)
$(LIB)/libserver.a: $(call objects,$(SERVER_SRC))
# Embedders link one archive: what both sides agree on is inside.
$(LIB)/libsotay.a: $(CLIENT_O) $(PROTO_O)
$(LIB)/libstore.a: $(call objects,$(filter server/store/%,$(SERVER_SRC)))
$(LIB)/libverify.a: $(call objects,$(filter-out %/main.c,$(VERIFY_SRC)))
$(LIB)/libtesthelp.a: $(call objects,$(TEST_HELP))
$(LIB)/%.a: $(BUILD)/sources
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

$(LIB)/libsotay.so.$(VERSION): $(CLIENT_O) $(PROTO_O) $(BUILD)/sources
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -Wl,-soname,libsotay.so.$(SOVERSION) $(filter %.o,$^) $(LDFLAGS_ALL) \
	    $(LIBS_CLIENT) -o $@

$(LIB)/libsotay.so: $(LIB)/libsotay.so.$(VERSION)
	@ln -sf libsotay.so.$(VERSION) $(LIB)/libsotay.so.$(SOVERSION)
	@ln -sf libsotay.so.$(SOVERSION) $@

# The data that the programs look for in ../share/sotay beside their own bin/.
$(BUILD)/share/sotay/catalogue/%: server/catalogue/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

# ---- tests: each test_*.c is a program of its own ---------------------------------------------
# A tree's tests are linked with what that tree may know; golden and mixed ones with everything.

LINK_proto      := $(LIB)/libproto.a
LINK_client-lib := $(LIB)/libsotay.a $(LIB)/libproto.a
LINK_server     := $(LIB)/libserver.a $(LIB)/libproto.a
LINK_any        := $(LIB)/libserver.a $(LIB)/libsotay.a $(LIB)/libproto.a
# These know nothing of the server, and other machines need not build it for them.
LINK_test_store  := $(LIB)/libstore.a $(LIB)/libproto.a
LINK_test_golden := $(LIB)/libproto.a
LINK_verify      := $(LIB)/libverify.a $(LIB)/libproto.a
# A whole town, and the reviewer's program over its log.
LINK_test_twice_back := $(LIB)/libverify.a $(LINK_any)
define test_program
$(BUILD)/$(1): $(OBJ)/$(1).o $(LIB)/libtesthelp.a $(or $(LINK_$(notdir $(1))),$(LINK_$(2)),$(LINK_any))
endef
$(foreach test,$(TEST_MAIN:.c=),\
    $(eval $(call test_program,$(test),$(word 3,$(subst /, ,$(test))))))
# Who tests what happens without memory stands between (tests/support/failing.h).
WRAPPED := malloc calloc realloc st_arena_get st_arena_copy st_arena_array st_arena_grow \
           st_buffer_reserve st_buffer_append st_buffer_printf
$(filter %faults %/test_stumbles,$(TESTS)): TEST_LDFLAGS := $(WRAPPED:%=-Wl,--wrap=%)
$(TESTS): | deps
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter %.o,$^) $(filter %.a,$^) $(TEST_LDFLAGS) $(LDFLAGS_ALL) $(LIBS_TEST) -o $@
# A test is compiled more often than it runs: unoptimized that takes an eighth of the time.
$(call objects,$(TEST_MAIN)): private CFLAGS_REST += -O0 -U_FORTIFY_SOURCE
$(call objects,$(TEST_MAIN) $(TEST_HELP)): | deps

# ---- bench: programs that measure, beside bin/ and never installed -------------------------------

BENCH       := $(BUILD)/bench
BENCH_SRC   := $(sort $(wildcard tools/bench/*.c tools/bench/peers/*.c))
BENCH_O     := $(call objects,$(BENCH_SRC))
BENCH_FORMS := form person device assignment unit
BENCH_BOOK  := $(BENCH_FORMS:%=$(BENCH)/catalogue/forms/%.json) \
               $(BENCH)/catalogue/forms/bench.json $(BENCH)/catalogue/unit/units.json
bench_o = $(patsubst %,$(OBJ)/tools/bench/%.o,$(1))

bench-programs: $(BENCH)/peer-client $(BENCH)/store-bench $(BENCH)/crowd $(BENCH)/proxy $(BENCH)/sqlite-server \
    $(BENCH)/log-bench $(BENCH)/sotayd-clock $(BENCH)/sqlite-client $(BENCH)/peer-server $(BENCH_BOOK)

$(BENCH)/peer-client: $(call bench_o,peer_client device peers/wire peers/workload) $(LIB)/libsotay.a
$(BENCH)/store-bench: $(call bench_o,store_bench device peers/wire peers/workload) $(LIB)/libsotay.a
$(BENCH)/crowd: $(call bench_o,crowd device peers/wire peers/workload) $(LIB)/libsotay.a
$(BENCH)/log-bench: $(call bench_o,log_bench) $(LIB)/libverify.a $(LIB)/libserver.a $(LIB)/libproto.a
$(BENCH)/log-bench: BENCH_WRAPS := st_sign_verify
$(BENCH)/sotayd-clock: $(OBJ)/server/main.o $(call bench_o,log_clock) $(LIB)/libserver.a \
    $(LIB)/libproto.a
$(BENCH)/sotayd-clock: BENCH_WRAPS := audit_leaf_append audit_sign audit_news audit_cosigned
$(BENCH)/proxy: $(call bench_o,peers/proxy)
$(BENCH)/sqlite-server: $(call bench_o,peers/sqlite_server)
$(BENCH)/sqlite-client: $(call bench_o,peers/sqlite_client peers/wire peers/workload)
$(BENCH)/%:
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter %.o,$^) $(filter %.a,$^) $(BENCH_WRAPS:%=-Wl,--wrap=%) $(LDFLAGS_ALL) \
	    $(LIBS_ALL) -lsqlite3 -o $@
$(BENCH)/peer-server: tools/bench/peer_server.sh
	@install -D -m 755 $< $@
# As little beside the measured records as a server can live with.
$(BENCH)/catalogue/forms/bench.json: tools/bench/form/bench.json
	@install -D -m 644 $< $@
$(BENCH)/catalogue/unit/units.json: tools/bench/form/unit/units.json
	@install -D -m 644 $< $@
$(BENCH)/catalogue/forms/%.json: server/catalogue/forms/%.json
	@install -D -m 644 $< $@
$(BENCH_O): | deps-bench

# ---- rigs: programs that break everything on purpose (docs/testing.md) ------------------------
# A rig is a folder with a `rig.mk` (its targets; what it compiles goes into RIG_SRC, what must be
# built before it runs into RIG_PROGRAMS) and an executable `run short|long` that prints `ok NAME`
# or `not ok NAME: why`. `make test` runs the short amounts, `make test-long` the long ones.

RIG_SRC :=
RIG_PROGRAMS :=
include $(RIG_FILES)

# A process writes its counts of branches in exit(): what rigs fork has to end there.
ifeq ($(MODE),coverage)
$(call objects,$(RIG_SRC)): private CFLAGS_REST += -D_exit=exit
endif

rig-programs: all $(RIG_PROGRAMS)
# Those of one rig: in build/MODE/NAME, or called NAME-programs.
define rig_programs
.PHONY: rig-programs-$(1)
rig-programs-$(1): all $(filter $(BUILD)/$(1)/% $(1)-programs,$(RIG_PROGRAMS))
endef
$(foreach rig,$(notdir $(RIG_FILES:/rig.mk=)),$(eval $(call rig_programs,$(rig))))
# One make builds one tree: a second one inside it would write the same files beside the first.
$(call objects,$(RIG_SRC)): | deps

# ---- compiling --------------------------------------------------------------------------------

# Generated once per mode; compiled without our warnings, since it is not our code.
$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h &: proto/%.proto | deps-build
	@mkdir -p $(GEN)
	$(call say,GEN,$<)
	$(Q)protoc-c --proto_path=proto --c_out=$(GEN) proto/$*.proto

$(OBJ)/gen/%.o: $(GEN)/%.c $(BUILD)/flags | $(GEN_H)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_GEN) -MMD -MP -c $< -o $@

$(OBJ)/proto/%.o: proto/%.c $(BUILD)/flags | $(GEN_H) deps-build
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_PROTO) -MMD -MP -c $< -o $@

$(OBJ)/%.o: %.c $(BUILD)/flags | $(GEN_H) deps-build
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_REST) -MMD -MP -c $< -o $@

# Two notes that change only when their content does: new flags recompile, and a file that
# came or went makes the archives anew.
FLAGS_NOTE   = $(CC) $(CFLAGS_REST) $(LDFLAGS_ALL) $(LIBS_TEST)
SOURCES_NOTE = $(ALL_SRC) $(PROTO_DEF)
keep_note = mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || \
            printf '%s\n' '$(subst ','\'',$(1))' >$@
$(BUILD)/flags: FORCE
	@$(call keep_note,$(FLAGS_NOTE))
$(BUILD)/sources: FORCE
	@$(call keep_note,$(SOURCES_NOTE))

.SECONDARY:
-include $(patsubst %.c,$(OBJ)/%.d,$(ALL_SRC) $(BENCH_SRC) $(RIG_SRC)) $(GEN_O:.o=.d)
