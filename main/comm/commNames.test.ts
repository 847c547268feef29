import { describe, expect, test } from 'vitest'
import { commKind, dtypeBytes, kernelKind, namedPeer } from './commNames.ts'

describe('names of communication', () => {
  test.each([
    ['ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)', 'send-recv'],
    ['ncclKernel_SendRecv_RING_SIMPLE_Sum_int8_t(ncclDevComm*, unsigned long, ncclWork*)', 'send-recv'],
    ['ncclKernel_AllReduce_RING_LL_Sum_float(ncclWorkElem)', 'all-reduce'],
    ['ncclDevKernel_AllGather_RING_LL(ncclDevKernelArgsStorage<4096ul>)', 'all-gather'],
    ['ncclDevKernel_ReduceScatter_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)', 'reduce-scatter'],
    ['ncclDevKernel_Reduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)', 'reduce'],
    ['ncclKernel_Broadcast_RING_LL_Sum_int8_t(ncclDevComm*, unsigned long, ncclWork*)', 'broadcast'],
    ['void vllm::cross_device_reduce_2stage<__nv_bfloat16, 8>(vllm::RankData*)', 'all-reduce'],
    ['hcom_allReduce__721_0_1', 'all-reduce'], ['hcom_send__721_0_1', 'send-recv'],
    ['collective-permute-start.3', 'send-recv'], ['all-to-all.1', 'all-to-all'], ['reduce-scatter.7', 'reduce-scatter'],
    ['ncclDevKernel_Generic(ncclDevKernelArgsStorage<4096ul>)', 'other'],
    ['nccl:all_to_all', 'all-to-all'], ['nccl:_all_gather_base', 'all-gather'], ['nccl:send 0->1', 'send-recv'], ['nccl:coalesced', 'send-recv'],
    ['allreduce', 'all-reduce'], ['_allgather_base', 'all-gather'], ['alltoall_base', 'all-to-all'], ['gloo:all_reduce', 'all-reduce'],
  ] as const)('%s is %s', (name, kind) => {
    expect(commKind(name)).toBe(kind)
  })

  test('an annotation tells what a SendRecv or a generic kernel was for, and never overrules a surer name', () => {
    const sendRecv = 'ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)'
    expect(kernelKind(sendRecv, null)).toBe('send-recv')
    expect(kernelKind(sendRecv, 'nccl:coalesced')).toBe('send-recv')
    expect(kernelKind(sendRecv, 'nccl:all_to_all')).toBe('all-to-all')
    expect(kernelKind(sendRecv, 'nccl:something_new')).toBe('send-recv')
    expect(kernelKind('ncclDevKernel_Generic(x)', 'allreduce')).toBe('all-reduce')
    expect(kernelKind('ncclDevKernel_AllReduce_Sum_f32_RING_LL(x)', 'nccl:coalesced')).toBe('all-reduce')
  })

  test('the other end of a send or a receive', () => {
    expect(namedPeer('nccl:send 0->1')).toEqual({ source: null, destination: 1 })
    expect(namedPeer('nccl:recv 3<-2')).toEqual({ source: 2, destination: null })
    expect(namedPeer('nccl:all_reduce')).toBeNull()
  })

  test('bytes of dtypes', () => {
    expect(['BFloat16', 'Float', 'Double', 'Byte', 'Float8_e4m3fn', 'Quaternion'].map(dtypeBytes)).toEqual([2, 4, 8, 1, 1, null])
  })
})
