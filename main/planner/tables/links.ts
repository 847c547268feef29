import type { LinkEntry } from '../../../preload/contract/planner.ts'
import { NOMINAL_GBPS, NOMINAL_LATENCY_US } from '../rates.ts'

const SHEET = 'bandwidth one way: data sheet, not checked; latency assumed'
const LIU = 'bandwidth: Liu et al. 2023 table 2 (reference section 3); latency assumed'
const LOCAL = 'nominal, of this program\'s own transports; `ringscope doctor` and machine rates measure them'

const entry = (id: string, label: string, kind: LinkEntry['kind'], bandwidthGBps: number, latencyUs: number, source: string): LinkEntry =>
  ({ id, label, kind, bandwidthGBps, latencyUs, source })

/** Links one way and per rank. What transfers reach is 10 to 25 % less than a data sheet's figure. */
export const LINKS: readonly LinkEntry[] = [
  entry('nvlink3', 'NVLink 3 (A100)', 'nvlink', 300, 8, SHEET),
  entry('nvlink3-a800', 'NVLink 3, reduced (A800)', 'nvlink', 200, 8, SHEET),
  entry('nvlink4', 'NVLink 4 (H100, H200)', 'nvlink', 450, 8, SHEET),
  entry('nvlink4-h800', 'NVLink 4, reduced (H800)', 'nvlink', 200, 8, SHEET),
  entry('nvlink5', 'NVLink 5 (B200)', 'nvlink', 900, 8, SHEET),
  entry('ib-100', 'InfiniBand 100 Gb/s (EDR)', 'infiniband', 12.5, 12, LIU),
  entry('ib-hdr', 'InfiniBand 200 Gb/s (HDR)', 'infiniband', 25, 12, SHEET),
  entry('ib-ndr', 'InfiniBand 400 Gb/s (NDR)', 'infiniband', 50, 12, SHEET),
  entry('ib-xdr', 'InfiniBand 800 Gb/s (XDR)', 'infiniband', 100, 12, SHEET),
  entry('eth-10', 'Ethernet 10 Gb/s', 'ethernet', 1.25, 40, SHEET),
  entry('eth-25', 'Ethernet 25 Gb/s', 'ethernet', 3.125, 40, SHEET),
  entry('eth-100', 'Ethernet 100 Gb/s', 'ethernet', 12.5, 30, SHEET),
  entry('eth-400', 'Ethernet 400 Gb/s (RoCE)', 'ethernet', 50, 15, SHEET),
  entry('pcie3', 'PCIe 3 x16', 'pcie', 16, 15, SHEET),
  entry('pcie4', 'PCIe 4 x16', 'pcie', 32, 15, SHEET),
  entry('pcie5', 'PCIe 5 x16', 'pcie', 64, 15, SHEET),
  entry('ici-v3', 'TPU v3 interconnect', 'ici', 112, 5, LIU),
  entry('ici-v4', 'TPU v4 interconnect', 'ici', 268, 5, LIU),
  entry('ici-v5e', 'TPU v5e interconnect', 'ici', 186, 5, LIU),
  entry('socket', 'Socket between local processes', 'local', NOMINAL_GBPS.socket, NOMINAL_LATENCY_US, LOCAL),
  entry('shared-memory', 'Shared memory between local processes', 'local', NOMINAL_GBPS['shared-memory'], NOMINAL_LATENCY_US, LOCAL),
]
