/**
 * What QEMU needs to present a device: the `lab.qemu` section of a profile, as plain data, so that the bench knows
 * nothing of profiles.
 */
export interface Presentation {
  /** QEMU's name of the model, for example `edu`. */
  readonly device: string
  /** Properties of the model as QEMU spells them; `{id}` in a text becomes the device's own id. */
  readonly properties?: Readonly<Record<string, string | number | bigint | boolean>> | undefined
  /** Further arguments, such as `['-drive', 'if=none,id={id}-disk,…']`; `{id}` becomes the device's own id, `{out}` the output folder. */
  readonly arguments?: readonly (readonly [flag: string, value: string])[] | undefined
}

/** A device that `--devices` named. */
export interface NamedPresentation {
  readonly name: string
  readonly presentation: Presentation
}

/** A device as the guest has it. */
export interface AttachedDevice {
  /** The profile's name, or the model's for a device that was passed through as it is. */
  readonly name: string
  /** QEMU's id, by which `unplug` finds it. */
  readonly id: string
  /** The root port that it sits behind; none when its argument names a bus. */
  readonly port: string | undefined
  /** Its PCI address in the guest; unknown when its argument names a bus. */
  readonly address: string | undefined
  /** The value of QEMU's `-device`. */
  readonly argument: string
  readonly further: readonly (readonly [flag: string, value: string])[]
}
