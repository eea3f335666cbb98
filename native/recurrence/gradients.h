// The gradients of a layer's weights and inputs, from those of its sums (see backward.h): products of whole sequences.
//
// N is every step of every sequence, B * T; those that a mask takes out are left out, and nothing of theirs is read but
// the mask. All arrays are without gaps; steps of dz and of the reserve stand in the
// order in which the call did them.
#pragma once

#include <cstdint>

#include "cells/named.h"
#include "recurrence/engine.h"

namespace gatewise {

// kernel (I, gH) = x' dz, recurrent_kernel (H, gH) = h' dz where h are the states before each step, and the bias is the
// sum of dz. Each number is added up in the order of N, whatever the number of threads.
template <class T>
struct WeightGradients {
  Cell cell{};
  Sizes sizes;
  Index batch = 0;
  Index steps = 0;
  const T* x = nullptr;        // (B, T, I)
  const T* reserve = nullptr;  // see Sequence
  const T* initial = nullptr;  // (B, H) of the first state; null is zeros
  const T* dz = nullptr;       // (B, T, sums of all phases, H)
  bool go_backwards = false;
  const std::uint8_t* mask = nullptr;  // (B, T) in the order of the inputs; null is no mask
  T* kernel = nullptr;
  T* recurrent_kernel = nullptr;
  T* bias = nullptr;  // the rows that the cell's bias has
};

// dx (B, T, I) = dz kernel', and zeros where a step is masked.
template <class T>
struct InputGradient {
  Cell cell{};
  Sizes sizes;
  Index batch = 0;
  Index steps = 0;
  const T* dz = nullptr;
  const T* kernel = nullptr;
  bool go_backwards = false;
  const std::uint8_t* mask = nullptr;
  T* dx = nullptr;
};

template <class T>
void run(const WeightGradients<T>& call);
template <class T>
void run(const InputGradient<T>& call);

extern template void run(const WeightGradients<float>&);
extern template void run(const WeightGradients<double>&);
extern template void run(const InputGradient<float>&);
extern template void run(const InputGradient<double>&);

}  // namespace gatewise
