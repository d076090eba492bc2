import { deviceFindings } from '../../host/linux/doctor/checks/device.ts'
import { deviceFacts } from '../../host/linux/doctor/device-facts.ts'
import { WITH_IOMMU, weigh } from '../../host/linux/doctor/finding.ts'
import { readUser } from '../../host/linux/doctor/machine-facts.ts'
import { type MachinePlaces, machineUses } from '../../host/linux/machine-use.ts'
import { type PciFunction, listPciFunctions } from '../../host/linux/pci-functions.ts'
import { SystemFiles } from '../../host/linux/system-files.ts'

/** A PCI function of the machine and what is in a run's way. */
export interface JudgedFunction {
  readonly fn: PciFunction
  /** The first thing that the doctor finds bad, in a few words; undefined when a run can take it. */
  readonly problem: string | undefined
  /** What a run does about its driver, when it can take it. */
  readonly remark: string | undefined
}

/** All PCI functions, judged as the doctor does. */
export function judgeFunctions(places: MachinePlaces = {}): readonly JudgedFunction[] {
  const files = new SystemFiles(places.root)
  const functions = listPciFunctions(files.place('/sys/bus/pci/devices'))
  const all = machineUses(
    functions.map(({ address }) => address),
    places,
  )
  const user = readUser(files)
  return functions.map((fn) => {
    const findings = deviceFindings(
      deviceFacts(
        files,
        fn,
        all.filter(({ address }) => address === fn.address),
      ),
      user,
    )
    const bad = weigh(findings, WITH_IOMMU).findings.find(({ state }) => state === 'bad')
    const problem = bad?.short ?? bad?.found
    const moved = problem === undefined && fn.driver !== undefined && fn.driver !== 'vfio-pci'
    return { fn, problem, remark: moved ? `on ${fn.driver}: a run takes it` : undefined }
  })
}
