// The region of the image that holds the detector: soundmodel.region() is a view of its bytes, which stay in flash.
// The host writes it after the link; soundfw/storage/store.py has its format.
#include "py/objarray.h"

#include "soundmodel_data.h" // made by soundsdk build

static mp_obj_t soundmodel_region_view(void) {
    return mp_obj_new_memoryview('B', SOUNDMODEL_BYTES, (void *)soundmodel_region);
}
static MP_DEFINE_CONST_FUN_OBJ_0(soundmodel_region_obj, soundmodel_region_view);

static const mp_rom_map_elem_t soundmodel_globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_soundmodel)},
    {MP_ROM_QSTR(MP_QSTR_region), MP_ROM_PTR(&soundmodel_region_obj)},
};
static MP_DEFINE_CONST_DICT(soundmodel_globals, soundmodel_globals_table);

const mp_obj_module_t soundmodel_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&soundmodel_globals,
};
MP_REGISTER_MODULE(MP_QSTR_soundmodel, soundmodel_module);
