# tests/liar: a server whose owner lies, and who finds it out (README.md).

LIAR := $(BUILD)/liar
RIG_SRC      += tests/liar/lies.c
RIG_PROGRAMS += $(LIAR)/sotayd-liar

.PHONY: liar

liar: rig-programs-liar ## let the server's owner lie in every way, and see who finds it out
	@BIN=$(abspath $(BIN)) BUILD=$(abspath $(BUILD)) tests/liar/run long

# The shipped server; the linker sends these calls to lies.c first.
LIAR_CALLS := audit_sign auth_device_each sync_log_append auth_log_secret audit_is_forsaken
$(LIAR)/sotayd-liar: $(call objects,tests/liar/lies.c server/main.c) $(LIB)/libserver.a \
    $(LIB)/libproto.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter %.o,$^) $(filter %.a,$^) $(LDFLAGS_ALL) $(LIBS_ALL) \
	    $(LIAR_CALLS:%=-Wl,--wrap=%) -o $@
