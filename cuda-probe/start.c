// The way into main() on every glibc since 2.17.
//
// crt1.o of a new glibc calls __libc_start_main@GLIBC_2.34, which an old glibc does not have. The
// linker's --wrap sends that call here, and it goes on to the old version of the symbol. A new
// crt1.o passes no init function (a new glibc runs the constructors by itself), an old glibc would
// then run none; and a new glibc that is given one takes the program for an old one and calls it.
// So an init function that runs the constructors is right on both.

typedef int (*main_function)(int, char**, char**);
typedef void (*constructor)(int, char**, char**);

extern int old_start(main_function, int, char**, void (*)(int, char**, char**), void (*)(void),
                     void (*)(void), void*);
__asm__(".symver old_start,__libc_start_main@" ABI_FLOOR);

extern constructor __preinit_array_start[] __attribute__((visibility("hidden")));
extern constructor __preinit_array_end[] __attribute__((visibility("hidden")));
extern constructor __init_array_start[] __attribute__((visibility("hidden")));
extern constructor __init_array_end[] __attribute__((visibility("hidden")));

static void run_constructors(int argc, char** argv, char** envp) {
  for (constructor* c = __preinit_array_start; c < __preinit_array_end; c++) (*c)(argc, argv, envp);
  for (constructor* c = __init_array_start; c < __init_array_end; c++) (*c)(argc, argv, envp);
}

int __wrap___libc_start_main(main_function main, int argc, char** argv,
                             void (*init)(int, char**, char**), void (*fini)(void),
                             void (*rtld_fini)(void), void* stack_end);

int __wrap___libc_start_main(main_function main, int argc, char** argv,
                             void (*init)(int, char**, char**), void (*fini)(void),
                             void (*rtld_fini)(void), void* stack_end) {
  return old_start(main, argc, argv, init != 0 ? init : run_constructors, fini, rtld_fini,
                   stack_end);
}
