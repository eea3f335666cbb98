// The activations that vectors compute, by name. activations.h says how.
#pragma once

#include <string>

namespace gatewise {

#define GATEWISE_ACTIVATIONS(each) \
  each(tanh) each(sigmoid) each(hard_sigmoid) each(keras2_hard_sigmoid) each(relu) each(linear) each(softsign)

#define GATEWISE_ONE(name) name,
enum class Activation { GATEWISE_ACTIVATIONS(GATEWISE_ONE) };
#undef GATEWISE_ONE

#define GATEWISE_ONE(name) #name,
inline constexpr const char* kActivationNames[] = {GATEWISE_ACTIVATIONS(GATEWISE_ONE)};
#undef GATEWISE_ONE

// Throws std::invalid_argument for an unknown name, with those there are.
Activation activation_named(const std::string& name);

}  // namespace gatewise
