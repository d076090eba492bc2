/**
 * Flags that lspci 3.9 doesn't show, by the id of their capability, their register, its offset there and their mask: as
 * PCI_ERR_UNC_INTN and the like in Linux' pci_regs.h, or where that has none, as in the specification.
 */
export const silentBits: readonly (readonly [
  place: readonly [id: number, offset: number, width: 2 | 4, extended: boolean],
  register: string,
  label: string,
  mask: number,
])[] = [
  [[0x01, 0x02, 2, false], 'PMC', 'ImmReadyD0', 0x0010],
  [[0x05, 0x02, 2, false], 'MsgCtl', 'ExtMsgData', 0x0200],
  [[0x05, 0x02, 2, false], 'MsgCtl', 'ExtMsgDataEn', 0x0400],
  [[0x10, 0x10, 2, false], 'LnkCtl', 'Retrain', 0x0020],
  [[0x10, 0x28, 2, false], 'DevCtl2', 'IDOReq', 0x0100],
  [[0x10, 0x28, 2, false], 'DevCtl2', 'IDOCompl', 0x0200],
  [[0x10, 0x28, 2, false], 'DevCtl2', 'EmergencyPowerReductionReq', 0x0800],
  [[0x10, 0x28, 2, false], 'DevCtl2', 'EETLPPrefixBlk', 0x8000],
  ...(['UESta', 'UEMsk', 'UESvrt'] as const).flatMap((register, index) => {
    const place = [0x01, 0x04 + 4 * index, 4, true] as const
    return [
      [place, register, 'UncorrIntErr', 0x0040_0000],
      [place, register, 'BlockedTLP', 0x0080_0000],
      [place, register, 'AtomicOpBlocked', 0x0100_0000],
      [place, register, 'TLPBlockedErr', 0x0200_0000],
      [place, register, 'PoisonTLPBlocked', 0x0400_0000],
    ] as const
  }),
  ...(['CESta', 'CEMsk'] as const).flatMap((register, index) => {
    const place = [0x01, 0x10 + 4 * index, 4, true] as const
    return [
      [place, register, 'CorrIntErr', 0x4000],
      [place, register, 'HeaderOF', 0x8000],
    ] as const
  }),
  [[0x0d, 0x04, 2, true], 'ACSCap', 'Enhanced', 0x0080],
  [[0x0d, 0x06, 2, true], 'ACSCtl', 'IOReqBlk', 0x0080],
  [[0x0d, 0x06, 2, true], 'ACSCtl', 'UnclaimedReqRedir', 0x1000],
  [[0x0f, 0x04, 2, true], 'ATSCap', 'PageAligned', 0x0020],
  [[0x0f, 0x04, 2, true], 'ATSCap', 'GlobalInvalidate', 0x0040],
  [[0x10, 0x04, 4, true], 'IOVCap', 'ARIPreserved', 0x0002],
]
