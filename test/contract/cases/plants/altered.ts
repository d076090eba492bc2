/** The thing with some members exchanged; the others stay its own, private state included. */
export function altered<T extends object>(thing: T, members: Partial<T>): T {
  return new Proxy(thing, {
    get(target, name) {
      const source = Object.hasOwn(members, name) ? members : target
      const value: unknown = Reflect.get(source, name, source)
      return typeof value === 'function' ? value.bind(source) : value
    },
  })
}
