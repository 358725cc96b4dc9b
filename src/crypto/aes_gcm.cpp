#include "crypto/aes_gcm.hpp"

#include <algorithm>
#include <stdexcept>

#include "crypto/library.hpp"
#include "crypto/random.hpp"

namespace admit::crypto {

using detail::must;

namespace {

constexpr std::size_t key_size = 32;
constexpr int limit_bytes = 1 << 30;

struct Context {
  detail::Owned<EVP_CIPHER_CTX> context{must(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")};

  Context() {
    static const detail::Owned<EVP_CIPHER> cipher{
        must(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr), "AES-256-GCM")};
    must(EVP_CipherInit_ex2(context.get(), cipher.get(), nullptr, nullptr, 1, nullptr) == 1, "AES-256-GCM");
  }
};

/// The thread's context, keyed and past the associated data.
EVP_CIPHER_CTX* begin(Bytes key, const GcmNonce& nonce, Bytes associated, std::size_t size, std::size_t out_size,
                      int encrypt) {
  if (key.size() != key_size || size != out_size || size > limit_bytes || associated.size() > limit_bytes) {
    throw std::logic_error("AES-256-GCM called with sizes that do not fit");
  }
  thread_local const Context mine;
  EVP_CIPHER_CTX* context = mine.context.get();
  int done = 0;
  must(EVP_CipherInit_ex2(context, nullptr, key.data(), nonce.data(), encrypt, nullptr) == 1, "AES-256-GCM");
  must(EVP_CipherUpdate(context, nullptr, &done, associated.data(), static_cast<int>(associated.size())) == 1,
       "AES-256-GCM");
  return context;
}

void crypt(EVP_CIPHER_CTX* context, Bytes in, std::span<std::uint8_t> out) {
  int done = 0;
  must(in.empty() || EVP_CipherUpdate(context, out.data(), &done, in.data(), static_cast<int>(in.size())) == 1,
       "AES-256-GCM");
}

}  // namespace

GcmTag gcm_seal(Bytes key, const GcmNonce& nonce, Bytes associated, Bytes plain, std::span<std::uint8_t> sealed) {
  EVP_CIPHER_CTX* context = begin(key, nonce, associated, plain.size(), sealed.size(), 1);
  crypt(context, plain, sealed);
  GcmTag tag;
  int done = 0;
  must(EVP_CipherFinal_ex(context, tag.data(), &done) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag.size()), tag.data()) == 1,
       "AES-256-GCM");
  return tag;
}

bool gcm_open(Bytes key, const GcmNonce& nonce, Bytes associated, Bytes sealed, const GcmTag& tag,
              std::span<std::uint8_t> plain) {
  EVP_CIPHER_CTX* context = begin(key, nonce, associated, sealed.size(), plain.size(), 0);
  crypt(context, sealed, plain);
  GcmTag expected = tag;
  GcmTag unused;
  int done = 0;
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(expected.size()), expected.data()) == 1,
       "AES-256-GCM");
  if (EVP_CipherFinal_ex(context, unused.data(), &done) == 1) return true;
  ERR_clear_error();
  wipe(plain.data(), plain.size());
  return false;
}

std::vector<std::uint8_t> box_seal(Bytes key, Bytes associated, Bytes plain) {
  const auto nonce = random_bytes<12>();
  std::vector<std::uint8_t> box(nonce.size() + sizeof(GcmTag) + plain.size());
  const GcmTag tag = gcm_seal(key, nonce, associated, plain, std::span{box}.subspan(nonce.size() + sizeof(GcmTag)));
  std::ranges::copy(tag, std::ranges::copy(nonce, box.begin()).out);
  return box;
}

std::optional<Secret> box_open(Bytes key, Bytes associated, Bytes box) {
  GcmNonce nonce;
  GcmTag tag;
  if (box.size() < nonce.size() + tag.size()) return std::nullopt;
  std::ranges::copy(box.first<12>(), nonce.begin());
  std::ranges::copy(box.subspan<12, 16>(), tag.begin());
  const Bytes sealed = box.subspan(nonce.size() + tag.size());
  Secret plain(sealed.size());
  if (!gcm_open(key, nonce, associated, sealed, tag, plain.writable())) return std::nullopt;
  return plain;
}

}  // namespace admit::crypto
