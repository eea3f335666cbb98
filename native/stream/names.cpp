#include "stream/names.h"

#include <random>

namespace gatewise::stream {

NameHash::NameHash(std::uint64_t mask) : mask_(mask) {
  std::random_device draw;
  for (std::uint64_t& key : keys_) key = std::uint64_t{draw()} << 32 | draw();
}

}  // namespace gatewise::stream
