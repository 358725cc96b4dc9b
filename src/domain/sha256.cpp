#include "domain/sha256.hpp"

#include <bit>
#include <cstring>

namespace admit::domain {
namespace {

constexpr std::array<std::uint32_t, 64> round_constants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

using State = std::array<std::uint32_t, 8>;

void compress_portably(State& state, const std::uint8_t* block) {
  std::array<std::uint32_t, 64> w;
  for (std::size_t i = 0; i < 16; ++i) {
    w[i] = std::uint32_t{block[4 * i]} << 24 | std::uint32_t{block[4 * i + 1]} << 16 |
           std::uint32_t{block[4 * i + 2]} << 8 | std::uint32_t{block[4 * i + 3]};
  }
  for (std::size_t i = 16; i < 64; ++i) {
    const auto s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
    const auto s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t i = 0; i < 64; ++i) {
    const auto s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const auto t1 = h + s1 + ((e & f) ^ (~e & g)) + round_constants[i] + w[i];
    const auto s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const auto t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  const std::array<std::uint32_t, 8> sum = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state[i] += sum[i];
}

#if defined(__x86_64__) && defined(__clang__)
using Four = std::uint32_t __attribute__((vector_size(16)));
using Signed = int __attribute__((vector_size(16)));  // what the instructions are declared with

Signed raw(Four words) {
  return std::bit_cast<Signed>(words);
}

/// The same with the SHA extensions of x86: each instruction does two rounds on the halves (a, b, e, f) and (c, d, g,
/// h), kept with the first letter in the highest lane.
__attribute__((target("sha,sse4.1"))) void compress_by_hardware(State& state, const std::uint8_t* block) {
  Four abef = {state[5], state[4], state[1], state[0]};
  Four cdgh = {state[7], state[6], state[3], state[2]};
  const Four abef_before = abef;
  const Four cdgh_before = cdgh;
  std::array<Four, 4> w;  // the last sixteen words of the schedule
  std::memcpy(w.data(), block, sizeof w);
  for (auto& four : w) {
    for (int i = 0; i < 4; ++i) four[i] = __builtin_bswap32(four[i]);
  }
  for (std::size_t i = 0; i < 16; ++i) {
    Four& now = w[i % 4];
    if (i >= 4) {
      const Four& last = w[(i + 3) % 4];
      const Four seven_back = __builtin_shufflevector(w[(i + 2) % 4], last, 1, 2, 3, 4);
      const Four part = std::bit_cast<Four>(__builtin_ia32_sha256msg1(raw(now), raw(w[(i + 1) % 4]))) + seven_back;
      now = std::bit_cast<Four>(__builtin_ia32_sha256msg2(raw(part), raw(last)));
    }
    Four sum;
    std::memcpy(&sum, &round_constants[4 * i], sizeof sum);
    sum += now;
    const Four before = abef;
    cdgh = std::bit_cast<Four>(__builtin_ia32_sha256rnds2(raw(cdgh), raw(abef), raw(sum)));
    sum = __builtin_shufflevector(sum, sum, 2, 3, 2, 3);
    abef = std::bit_cast<Four>(__builtin_ia32_sha256rnds2(raw(before), raw(cdgh), raw(sum)));
  }
  abef += abef_before;
  cdgh += cdgh_before;
  state = {abef[3], abef[2], cdgh[3], cdgh[2], abef[1], abef[0], cdgh[1], cdgh[0]};
}

bool has_hardware() {
  return __builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1");
}
#else
bool has_hardware() {
  return false;
}
void compress_by_hardware(State& state, const std::uint8_t* block) {
  compress_portably(state, block);
}
#endif

template <void (*compress)(State&, const std::uint8_t*)>
std::array<std::uint8_t, 32> digest_of(std::string_view bytes) {
  State state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
  std::array<std::uint8_t, 64> block;
  while (bytes.size() >= 64) {
    std::memcpy(block.data(), bytes.data(), 64);
    compress(state, block.data());
    bytes.remove_prefix(64);
  }
  block.fill(0);
  std::memcpy(block.data(), bytes.data(), bytes.size());
  block[bytes.size()] = 0x80;
  if (bytes.size() >= 56) {
    compress(state, block.data());
    block.fill(0);
  }
  for (std::size_t i = 0; i < 8; ++i) block[56 + i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
  compress(state, block.data());

  std::array<std::uint8_t, 32> digest;
  for (std::size_t i = 0; i < 32; ++i) digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

}  // namespace

std::array<std::uint8_t, 32> sha256(std::string_view bytes) {
  static const bool by_hardware = has_hardware();
  return by_hardware ? digest_of<compress_by_hardware>(bytes) : digest_of<compress_portably>(bytes);
}

std::array<std::uint8_t, 32> sha256_portable(std::string_view bytes) {
  return digest_of<compress_portably>(bytes);
}

}  // namespace admit::domain
