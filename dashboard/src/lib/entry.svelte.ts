// Whether legmon lets this browser in. Any answer can say that it does not.
class Entry {
  shut = $state(false);
}

export const entry = new Entry();
