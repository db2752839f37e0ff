# The region for the detector. SOUNDMODEL_DIR holds soundmodel_data.{c,h}; without it the image has no region.
ifneq ($(SOUNDMODEL_DIR),)
SRC_USERMOD_C += $(USERMOD_DIR)/modsoundmodel.c
CFLAGS_USERMOD += -I$(SOUNDMODEL_DIR)
PY_O += $(BUILD)/soundmodel_data.o
$(BUILD)/soundmodel_data.o: $(SOUNDMODEL_DIR)/soundmodel_data.c
	$(ECHO) "CC $<"
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<
endif
