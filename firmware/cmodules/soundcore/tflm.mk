# TensorFlow Lite Micro for model_tflm.cc, as tflm.cmake does it, for make.
ifeq ($(wildcard $(TFLM_DIR)/tensorflow/lite/micro/micro_interpreter.h),)
$(error SOUNDCORE_ENGINE=tflm needs TFLM_DIR, a source tree of TensorFlow Lite Micro)
endif

TFLM_FOLDERS := c core/c core/api kernels kernels/internal kernels/internal/reference schema \
	micro micro/arena_allocator micro/c micro/compression micro/kernels/internal \
	micro/kernels/internal/reference micro/memory_planner micro/schema micro/tflite_bridge
# nn/ops.h ends each row of its table with the file's name.
TFLM_KERNELS := kernel_util $(sort $(shell sed -n 's/^ *X(.*, \([a-z_0-9]*\)).*/\1/p' $(SOUNDCORE_DIR)/nn/ops.h))
TFLM_CC := $(wildcard \
	$(foreach f,$(TFLM_FOLDERS),$(TFLM_DIR)/tensorflow/lite/$(f)/*.cc) \
	$(foreach k,$(TFLM_KERNELS),$(TFLM_DIR)/tensorflow/lite/micro/kernels/$(k).cc \
		$(TFLM_DIR)/tensorflow/lite/micro/kernels/$(k)_common.cc))
TFLM_CC := $(filter-out %_test.cc,$(TFLM_CC))
TFLM_CC := $(foreach f,$(TFLM_CC),$(if $(findstring /test_,$(f))$(findstring fake_micro_context,$(f))$(findstring \
	mock_,$(f)),,$(f)))

TFLM_FLAGS := -I$(SOUNDCORE_DIR) -I$(TFLM_DIR) $(addprefix -I,$(wildcard $(foreach p,third_party third_party_static \
	tensorflow/lite/micro/tools/make/downloads,$(foreach l,flatbuffers/include gemmlowp ruy,$(TFLM_DIR)/$(p)/$(l)))))
TFLM_FLAGS += -DTF_LITE_STATIC_MEMORY -DTF_LITE_STRIP_ERROR_STRINGS -w -std=c++17 -O2 -ffp-contract=off \
	-ffunction-sections -fdata-sections -fno-exceptions -fno-rtti -fno-threadsafe-statics

TFLM_O := $(patsubst $(TFLM_DIR)/%.cc,$(BUILD)/tflm/%.o,$(TFLM_CC)) $(BUILD)/tflm/model_tflm.o
# What is not called, the ports' --gc-sections leaves out.
PY_O += $(TFLM_O)
ifeq ($(CROSS_COMPILE),)
LDFLAGS_USERMOD += -lstdc++ -lm
else
# The ports for chips call the linker itself, which does not know where the compiler's libraries are.
LIBS += $(foreach l,stdc++ m c gcc,$(shell $(CC) $(CFLAGS) -print-file-name=lib$(l).a))
endif

# Flags of C alone (-std=gnu99 and such) are not for C++; those of the target are.
TFLM_CXX = $(CXX) $(filter -m% -specs=% --specs=% -ffile-prefix-map=%,$(CFLAGS)) $(TFLM_FLAGS)
$(BUILD)/tflm/model_tflm.o: $(SOUNDCORE_DIR)/nn/model_tflm.cc
	$(ECHO) "CXX $<"
	$(Q)$(MKDIR) -p $(dir $@)
	$(Q)$(TFLM_CXX) -c -o $@ $<
$(BUILD)/tflm/%.o: $(TFLM_DIR)/%.cc
	$(ECHO) "CXX $<"
	$(Q)$(MKDIR) -p $(dir $@)
	$(Q)$(TFLM_CXX) -c -o $@ $<
