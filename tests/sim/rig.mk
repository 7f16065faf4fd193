# tests/sim - the deterministic simulator: the real client and server in one thread, by seed.

SIM        := $(BUILD)/sim
SIM_SRC    := $(sort $(wildcard tests/sim/*.c))
SIM_FORMS  := form person device assignment unit visit
SIM_THEMES := $(SIM_FORMS) erasure
SIM_BOOK   := $(SIM_FORMS:%=$(SIM)/catalogue/forms/%.json) $(SIM)/catalogue/unit/units.json \
              $(SIM_THEMES:%=$(SIM)/catalogue-themes/forms/%.json) \
              $(SIM)/catalogue-themes/unit/units.json
RIG_SRC      += $(SIM_SRC)
RIG_PROGRAMS += $(SIM)/sim $(SIM_BOOK)

.PHONY: sim soak

sim: rig-programs-sim ## simulate SEEDS (1000) worlds from SEED on; SEED alone: that one, traced
	@BUILD=$(BUILD) tools/check/amounts.sh count sim $(SIM)/sim seeds

soak: rig-programs-sim ## simulate fresh worlds for MINUTES (10)
	@BUILD=$(BUILD) tools/check/amounts.sh count sim $(SIM)/sim soak

# Everything of the server but the store over LMDB, the notes beside it and the pieces of
# attachments: disk.c, side.c and pieces.c stand in their places. What is new in store.h, side.h or
# chunks.h has to be there as well, or this does not link.
SIM_SERVER := $(filter-out server/store/lmdb.c server/store/chunks.c server/sync/side.c,\
                $(SERVER_SRC))
$(SIM)/sim: $(call objects,$(SIM_SRC) $(SIM_SERVER)) $(LIB)/libsotay.a $(LIB)/libproto.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter %.o,$^) $(filter %.a,$^) $(LDFLAGS_ALL) $(LIBS_ALL) \
	    -Wl,--wrap=st_sign_verify -o $@
$(SIM)/catalogue/unit/units.json $(SIM)/catalogue-themes/unit/units.json: tests/sim/units.json
	@install -D -m 644 $< $@
$(SIM)/catalogue-themes/forms/%.json: server/catalogue/forms/%.json
	@install -D -m 644 $< $@
$(SIM)/catalogue/forms/%.json: server/catalogue/forms/%.json
	@install -D -m 644 $< $@
