# tests/storm: the real server under load, killed at named places and at random (README.md there).

STORM     := $(BUILD)/storm
STORM_SRC := tests/storm/killpoint.c tests/storm/fleet.c tests/storm/reader.c
storm_o    = $(patsubst %,$(OBJ)/tests/storm/%.o,$(1))

RIG_SRC      += $(STORM_SRC)
RIG_PROGRAMS += $(STORM)/storm-fleet $(STORM)/storm-reader $(STORM)/killpoint.so

.PHONY: storm

storm: rig-programs-storm ## kill the real server and phones again and again (KILLS=200 SEED=1)
	@BIN=$(abspath $(BIN)) BUILD=$(abspath $(BUILD)) tools/check/amounts.sh count storm \
	    tests/storm/run long

$(STORM)/storm-fleet: $(call storm_o,fleet) $(LIB)/libsotay.a
$(STORM)/storm-reader: $(call storm_o,reader)
$(STORM)/storm-%:
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter %.o,$^) $(filter %.a,$^) $(LDFLAGS_ALL) $(LIBS_CLIENT) -o $@
$(STORM)/killpoint.so: $(call storm_o,killpoint)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -shared $(filter %.o,$^) $(filter-out -fsanitize%,$(LDFLAGS_ALL)) -ldl -o $@
# It stands before the sanitizer too, and is called before that is ready.
$(call storm_o,killpoint): private CFLAGS_REST += -fno-sanitize=all
