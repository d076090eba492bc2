import { eduShape } from './model/edu.ts'
import type { Model, ModelShape, ModelWiring } from './model/model.ts'
import { sgShape } from './model/sg/sg.ts'
import { plantedEdu } from './planted/edu.ts'
import { plantedSg } from './planted/sg.ts'
import type { LoopbackReference, ModelName } from './reference.ts'

/** A kind of modelled device, with what can be planted into it. */
interface Kind {
  shape(reference: LoopbackReference): ModelShape
  build(reference: LoopbackReference, wiring: ModelWiring): Model
}

const kinds: Readonly<Record<ModelName, Kind>> = {
  edu: {
    shape: ({ msiVectors }) => eduShape(msiVectors),
    build: ({ defects }, wiring) => plantedEdu(wiring, defects),
  },
  sg: {
    shape: () => sgShape,
    build: ({ defects }, wiring) => plantedSg(wiring, defects),
  },
}

export const shapeOf = (reference: LoopbackReference): ModelShape => kinds[reference.model].shape(reference)

export const buildModel = (reference: LoopbackReference, wiring: ModelWiring): Model =>
  kinds[reference.model].build(reference, wiring)
