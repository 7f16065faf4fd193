# tests/crash: power cuts, replayed (README.md).

CRASH     := $(BUILD)/crash
CRASH_SRC := $(sort $(wildcard tests/crash/*.c))
CRASH_O   := $(call objects,$(filter-out tests/crash/record.c,$(CRASH_SRC)))
RIG_SRC      += $(CRASH_SRC)
RIG_PROGRAMS += $(CRASH)/replay $(CRASH)/record.so

.PHONY: crash
crash: rig-programs-crash ## power cuts at every point of a recorded day: nothing acknowledged is lost
	@BIN=$(abspath $(BIN)) BUILD=$(abspath $(BUILD)) tools/check/amounts.sh count crash \
	    tests/crash/run $(or $(AMOUNT),short)

$(CRASH)/replay: $(CRASH_O) $(LIB)/libserver.a $(LIB)/libsotay.a $(LIB)/libproto.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter %.o,$^) $(filter %.a,$^) $(LDFLAGS_ALL) $(LIBS_ALL) -o $@
RECORD_O := $(call objects,tests/crash/record.c tests/crash/stretch.c)
$(CRASH)/record.so: $(RECORD_O)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -shared $(filter %.o,$^) $(filter-out -fsanitize%,$(LDFLAGS_ALL)) -o $@
# It stands before the sanitizer too, and is called before that is ready.
$(RECORD_O): private CFLAGS_REST += -fno-sanitize=all
