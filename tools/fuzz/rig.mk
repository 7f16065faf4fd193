# tools/fuzz: one libFuzzer program for each decoder of foreign bytes, in a mode of its own.

FUZZ_LIBRARIES := $(LIB)/libtesthelp.a $(LIB)/libserver.a $(LIB)/libsotay.a $(LIB)/libproto.a
FUZZ_SHARED    := $(OBJ)/tools/fuzz/fuzz.o $(OBJ)/tools/fuzz/mutate.o
FUZZERS        := $(patsubst tools/fuzz/%.c,$(BUILD)/%,$(sort $(wildcard tools/fuzz/fuzz_*.c)))
SECONDS        ?= 60

RIG_SRC      += $(wildcard tools/fuzz/*.c)
RIG_PROGRAMS += fuzz-programs

.PHONY: fuzz fuzz-programs fuzz-corpus fuzzers
fuzz: deps ## fuzz every decoder for SECONDS each (60), or those in ONLY="set text"
	+@$(MAKE) --no-print-directory fuzz-programs
	@tools/fuzz/run $(SECONDS) $(ONLY)

fuzz-corpus: fuzz-programs ## write the fuzzers' corpus anew: seeds and what was found, minimised
	@tools/fuzz/corpus.sh $(ONLY)

fuzz-programs:
	+@$(MAKE) --no-print-directory MODE=fuzz fuzzers

fuzzers: $(FUZZERS) $(BUILD)/seeds

$(FUZZERS): $(BUILD)/%: $(OBJ)/tools/fuzz/%.o $(FUZZ_SHARED) $(FUZZ_LIBRARIES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -fsanitize=fuzzer $(filter %.o,$^) $(filter %.a,$^) $(LDFLAGS_ALL) -lcmocka \
	    $(LIBS_ALL) -o $@

$(BUILD)/seeds: $(OBJ)/tools/fuzz/seeds.o $(OBJ)/tools/fuzz/fuzz.o $(FUZZ_LIBRARIES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter %.o,$^) $(filter %.a,$^) $(LDFLAGS_ALL) -lcmocka $(LIBS_ALL) -o $@
