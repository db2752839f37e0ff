// The detector baked into an image: soundmodel.data is a bytes object whose bytes lie in flash, used in place.
#include "py/obj.h"
#include "py/objstr.h"

#include "soundmodel_data.h" // made by soundsdk build

static const mp_obj_str_t soundmodel_data_obj = {
    {&mp_type_bytes}, 0 /* hash not computed */, SOUNDMODEL_SIZE, soundmodel_data
};

static const mp_rom_map_elem_t soundmodel_globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_soundmodel)},
    {MP_ROM_QSTR(MP_QSTR_data), MP_ROM_PTR(&soundmodel_data_obj)},
};
static MP_DEFINE_CONST_DICT(soundmodel_globals, soundmodel_globals_table);

const mp_obj_module_t soundmodel_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&soundmodel_globals,
};
MP_REGISTER_MODULE(MP_QSTR_soundmodel, soundmodel_module);
