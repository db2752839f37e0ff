// Runs a program on a simulated Cortex-M0+ and says what it cost.
//
//   simulator PROGRAM.elf [--data=FILE] [--output=FILE] [--calls=PATTERN,...] [--profile] [--most=CYCLES]
//
// --data     a file at DATA_AT
// --output   a file for what the program writes
// --calls    print "call DEPTH NAME CYCLES INSTRUCTIONS" whenever a function of such a name has returned
// --profile  print "profile NAME CYCLES INSTRUCTIONS" of every function, without what it calls; with --calls, of what
//            runs inside those calls
//
// The last line is "end CYCLES INSTRUCTIONS". The exit code is the program's; 2 for a wrong command line, 3 for what no
// chip would do, 4 if the program did not end in --most cycles (10^10).
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "cpu.h"
#include "program.h"

typedef struct {
    const char *program, *data, *output, *calls;
    int profile;
    uint64_t most;
} options_t;

// The value of an argument NAME=VALUE; NULL if the argument is another one.
static const char *value_of(const char *word, const char *name) {
    size_t length = strlen(name);
    return strncmp(word, name, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static options_t read_options(int count, char **words) {
    options_t o = {.most = 10000000000u};
    for (int i = 1; i < count; i++) {
        const char *word = words[i], *value;
        if ((value = value_of(word, "--data"))) {
            o.data = value;
        } else if ((value = value_of(word, "--output"))) {
            o.output = value;
        } else if ((value = value_of(word, "--calls"))) {
            o.calls = value;
        } else if ((value = value_of(word, "--most"))) {
            o.most = strtoull(value, NULL, 0);
        } else if (strcmp(word, "--profile") == 0) {
            o.profile = 1;
        } else if (word[0] != '-' && !o.program) {
            o.program = word;
        } else {
            fprintf(stderr, "cannot use the argument %s\n", word);
            exit(2);
        }
    }
    if (!o.program) {
        fprintf(stderr, "no program\n");
        exit(2);
    }
    return o;
}

static void load_data(const char *path, memory_t *memory) {
    size_t bytes;
    uint8_t *data = read_file(path, &bytes);
    if (bytes > FLASH_AT + FLASH_BYTES - DATA_AT) {
        fprintf(stderr, "%s: too large\n", path);
        exit(2);
    }
    memcpy(memory->flash + (DATA_AT - FLASH_AT), data, bytes);
    free(data);
}

// Costs by function; the last ones are of code outside all functions.
typedef struct {
    uint64_t *cycles, *instructions;
} profile_t;

static void print_profile(const profile_t *profile, const program_t *program) {
    for (size_t i = 0; i <= program->count; i++) {
        if (profile->instructions[i]) {
            const char *name = i < program->count ? program->functions[i].name : "-";
            printf("profile %s %" PRIu64 " %" PRIu64 "\n", name, profile->cycles[i], profile->instructions[i]);
        }
    }
}

static void run(cpu_t *cpu, const program_t *program, const options_t *o) {
    calls_t calls = {0};
    profile_t profile = {0};
    if (o->calls) {
        calls_choose(&calls, program, o->calls);
    }
    if (o->profile) {
        profile.cycles = calloc(program->count + 1, sizeof(uint64_t));
        profile.instructions = calloc(program->count + 1, sizeof(uint64_t));
    }
    while (!cpu->memory->ended) {
        if (cpu->cycles > o->most) {
            fprintf(stderr, "not ended after %" PRIu64 " cycles\n", cpu->cycles);
            exit(4);
        }
        uint32_t at = cpu->next;
        uint64_t before = cpu->cycles;
        if (o->calls) {
            calls_look(&calls, cpu);
        }
        cpu_step(cpu);
        if (o->profile && (calls.depth || !o->calls)) {
            const function_t *f = program_function(program, at);
            size_t i = f ? (size_t)(f - program->functions) : program->count;
            profile.cycles[i] += cpu->cycles - before;
            profile.instructions[i]++;
        }
    }
    if (o->profile) {
        print_profile(&profile, program);
    }
    printf("end %" PRIu64 " %" PRIu64 "\n", cpu->cycles, cpu->instructions);
}

int main(int count, char **words) {
    options_t o = read_options(count, words);
    memory_t memory = {.flash = calloc(1, FLASH_BYTES), .ram = calloc(1, RAM_BYTES), .output = stderr};
    cpu_t cpu = {.memory = &memory};
    program_t program = program_load(o.program, &memory);
    if (o.data) {
        load_data(o.data, &memory);
    }
    if (o.output && !(memory.output = fopen(o.output, "wb"))) {
        fprintf(stderr, "%s: cannot be written\n", o.output);
        return 2;
    }
    cpu_reset(&cpu);
    run(&cpu, &program, &o);
    fclose(memory.output);
    return memory.exit_code;
}
