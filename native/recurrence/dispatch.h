// From a layer, whose cell and activations are known when it is made, to the code compiled for them.
#pragma once

#include "cells/list.h"
#include "kernels/activations.h"
#include "recurrence/driver.h"

namespace gatewise::GATEWISE_ISA {

// What the functions of `Kernels` take: one call, divided, and the member of the team whose share is done.
template <class T>
struct Part {
  const PackedLayer<T>& layer;
  const Sequence<T>& call;
  const Division& division;
  const Workspace<T>& space;
  Team& team;
  Index member;
};

template <class T, class C, class Operands, class Act, class Gate>
void run_driver(const Part<T>& part, Act act, Gate gate) {
  Driver<T, C, Act, Gate, Operands>(part.layer, part.call, part.division, part.space, part.team, part.member, act, gate)
      .run();
}

// `OperandsOf<C>` are the operands of the cell C. The usual activations are inlined, the others called.
template <class T, template <class> class OperandsOf>
void run_part(const Part<T>& part) {
  const PackedLayer<T>& layer = part.layer;
  const bool usual = layer.activation == Activation::tanh && layer.recurrent_activation == Activation::sigmoid;
  with_cell(layer.cell, [&](auto cell) {
    using C = decltype(cell);
    using Operands = OperandsOf<C>;
    if (usual) {
      run_driver<T, C, Operands>(part, Fixed<T, Activation::tanh>{}, Fixed<T, Activation::sigmoid>{});
    } else {
      run_driver<T, C, Operands>(part, Chosen<T>{layer.activation}, Chosen<T>{layer.recurrent_activation});
    }
  });
}

}  // namespace gatewise::GATEWISE_ISA
