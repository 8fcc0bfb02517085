// A CUDA device for a build of torch that has none: it computes nothing, but tensors without contents can lie on it.
//
// Autograd asks a device for its guard and its stream, and torch asks its hooks whether there is CUDA at all. Loaded
// before `import torch`, since the registry of hooks is read once.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

namespace {

using c10::Device;
using c10::Stream;

const Device ONLY(c10::DeviceType::CUDA, 0);

// torch's own guard without effect has neither a current device nor a stream.
struct Guard final : c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::CUDA> {
  Device getDevice() const override { return ONLY; }
  Device exchangeDevice(Device) const override { return ONLY; }
  Stream getStream(Device) const noexcept override { return Stream(Stream::DEFAULT, ONLY); }
  Stream exchangeStream(Stream) const noexcept override { return Stream(Stream::DEFAULT, ONLY); }
};

// Says that it is the device's, and that is all that is asked of it.
struct Generator final : at::CPUGeneratorImpl {
  Generator() {
    device_ = ONLY;
    key_set_ = c10::DispatchKeySet(c10::DispatchKey::CUDA);
  }
};

struct Hooks final : at::CUDAHooksInterface {
  explicit Hooks(at::CUDAHooksArgs) {}
  bool hasCUDA() const override { return true; }
  bool isAvailable() const override { return true; }
  bool isBuilt() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  // Which kernels torch would take, and their memory format with them, hangs on cuDNN.
  bool compiledWithCuDNN() const override { return true; }
  bool supportsBFloat16ConvolutionWithCuDNNv8() const override { return true; }
  long versionCuDNN() const override { return 91000; }
  long versionRuntimeCuDNN() const override { return 91000; }
  double batchnormMinEpsilonCuDNN() const override { return 0; }
  at::Generator getNewGenerator(c10::DeviceIndex) const override { return at::make_generator<Generator>(); }
};

C10_REGISTER_GUARD_IMPL(CUDA, Guard);

} // namespace

namespace at {
C10_REGISTER_CLASS(CUDAHooksRegistry, CUDAHooks, ::Hooks)
}
