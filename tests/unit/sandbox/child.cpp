// The program that Sandbox executes again in the tests: nothing but child_main.
#include <cstring>

#include "sandbox/sandbox.h"

int main(int argc, char** argv) {
  using namespace imgforge::sandbox;
  return argc == 2 && std::strcmp(argv[1], kChildCommand) == 0 ? child_main() : 2;
}
