# tools/fuzz: one libFuzzer program for each decoder of foreign bytes, in a mode of its own.

FUZZ_LIBRARIES := $(LIB)/libtesthelp.a $(LIB)/libverify.a $(LIB)/libserver.a \
                  $(LIB)/libsotay.a $(LIB)/libproto.a
FUZZ_SHARED    := $(patsubst %,$(OBJ)/tools/fuzz/%.o,fuzz mutate parts)
FUZZ_PHONE     := $(OBJ)/tools/fuzz/phone_world.o
FUZZ_BOOK      := $(OBJ)/tools/fuzz/book_world.o
FUZZERS        := $(patsubst tools/fuzz/%.c,$(BUILD)/%,$(sort $(wildcard tools/fuzz/fuzz_*.c)))
# The mode that counts branches has gcc, which has no libFuzzer: it plays the inputs that are there.
ifeq ($(MODE),coverage)
FUZZ_MAIN      := $(OBJ)/tools/fuzz/replay.o
$(call objects,$(wildcard tools/fuzz/*.c)): private CFLAGS_REST += -w
endif
SECONDS        ?= 60

RIG_SRC      += $(wildcard tools/fuzz/*.c)
RIG_PROGRAMS += fuzz-programs

.PHONY: fuzz fuzz-programs fuzz-corpus fuzzers
fuzz: fuzz-programs ## fuzz every decoder for SECONDS each (60), or those in ONLY="set text"
	@tools/check/amounts.sh count fuzz tools/fuzz/run $(SECONDS) $(ONLY)

fuzz-corpus: fuzz-programs ## write the fuzzers' corpus anew: seeds and what was found, minimised
	@tools/fuzz/corpus.sh $(ONLY)

# A tree of its own.
fuzz-programs: deps
	+@$(MAKE) --no-print-directory MODE=fuzz fuzzers

fuzzers: $(FUZZERS) $(BUILD)/seeds

# The worlds that some of them work in.
$(BUILD)/fuzz_phone $(BUILD)/fuzz_carry: $(FUZZ_PHONE)
$(BUILD)/fuzz_phone $(BUILD)/seeds: $(OBJ)/tools/fuzz/phone_stage.o
$(BUILD)/fuzz_carry: $(OBJ)/tools/fuzz/carry_peer.o
FUZZ_OF_BOOK   := sync have operator http range begun bundle words
$(FUZZ_OF_BOOK:%=$(BUILD)/fuzz_%): $(FUZZ_BOOK)

# It sees what comes to the phone's hands.
$(BUILD)/fuzz_phone: private FUZZ_WRAPS := -Wl,--wrap=take_frame

$(FUZZERS): $(BUILD)/%: $(OBJ)/tools/fuzz/%.o $(FUZZ_SHARED) $(FUZZ_MAIN) $(FUZZ_LIBRARIES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(if $(FUZZ_MAIN),,-fsanitize=fuzzer) $(filter %.o,$^) $(filter %.a,$^) \
	    $(FUZZ_WRAPS) $(LDFLAGS_ALL) -lcmocka $(LIBS_ALL) -o $@

$(BUILD)/seeds: $(patsubst %,$(OBJ)/tools/fuzz/%.o,seeds seeds_carried seeds_exchange seeds_media fuzz parts) \
    $(FUZZ_PHONE) $(FUZZ_BOOK) $(FUZZ_LIBRARIES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter %.o,$^) $(filter %.a,$^) $(LDFLAGS_ALL) -lcmocka $(LIBS_ALL) -o $@
